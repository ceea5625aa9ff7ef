/// What `dltonic submit` has to know of a cluster: configs/cluster/<name>.yaml, all of it below `cluster`.
#pragma once

#include <string>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::app {

struct ClusterOptions {
  std::string partition, account, qos, constraint;
  std::string memory;             ///< a node's, as sbatch --mem takes it
  std::string time = "01:00:00";  ///< wall time, as sbatch --time takes it
  int ranks_per_node = 1;         ///< of a job without GPUs; else a rank a GPU
  int cpus_per_rank = 0;          ///< 0: the partition's own choice
  std::string gpu_request = "--gpus-per-node=";
  std::vector<std::string> sbatch;   ///< further options, one an item
  std::vector<std::string> modules;  ///< loaded in this order
  std::vector<std::string> env;      ///< NAME=VALUE, literally
  std::vector<std::string> setup;    ///< lines of shell, run before the program
  std::string launcher = "srun";
  std::string mpi = "pmix";
  std::vector<std::string> launcher_options;
  std::string program;  ///< "": the one that submits
  std::string container, container_runtime = "apptainer";
  std::vector<std::string> container_options;
  int signal_s = 180;
  int requeues = 20;
  std::string script = "train.sh";
  std::string scratch, project;

  void bind(config::Section& s);
};

/// Seconds of cluster.time; 0 where it is no time.
double seconds_of_time(const std::string& time);

}  // namespace dltonic::app
