/// One submission: what is asked, and the script that asks it of Slurm.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/submit/cluster.h"

namespace dltonic::app {

/// What the command line says of the machine, beyond the cluster's file.
struct JobSize {
  int nodes = 1;
  int gpus_per_node = 0;
  int at_once = 0;  ///< tasks of a sweep that run at the same time; 0: as many as Slurm lets
};

struct Job {
  ClusterOptions cluster;
  JobSize size;
  std::string name;              ///< of the job in Slurm's lists
  std::filesystem::path folder;  ///< job.sh, task-<n>.yaml, log-<n>.txt, exit-<n>, submit.json; absolute
  std::filesystem::path scratch, project, working_folder;  ///< absolute
  int tasks = 1;
  bool prepare = false;  ///< the data, before training

  int ranks_per_node() const { return size.gpus_per_node > 0 ? size.gpus_per_node : cluster.ranks_per_node; }
  int ranks() const { return size.nodes * ranks_per_node(); }
};

/// The job's script: cluster.script filled in. `templates` is the folder jobs/slurm. ConfigError where the template is missing
/// or has a placeholder that nothing fills, and for a container or program that is not there.
std::string job_script(const Job& job, const std::filesystem::path& templates);

}  // namespace dltonic::app
