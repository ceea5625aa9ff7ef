#include "app/submit/cluster.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/train/stopping.h"

namespace dltonic::app {
namespace {

bool has_line_break(const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; }

}  // namespace

double seconds_of_time(const std::string& time) {
  if (time.empty()) return 0;
  try {
    return train::walltime_left_s(time).value_or(0);
  } catch (const ConfigError&) {
    return 0;
  }
}

void ClusterOptions::bind(config::Section& s) {
  s.key("partition", partition, "sbatch --partition");
  s.key("account", account, "sbatch --account");
  s.key("qos", qos, "sbatch --qos");
  s.key("constraint", constraint, "sbatch --constraint");
  s.key("memory", memory, "sbatch --mem: memory of a node, such as 64G");
  s.key("time", time, "wall time: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]");
  s.key("ranks_per_node", ranks_per_node, "ranks on a node without GPUs; with GPUs it is a rank a GPU").min(1);
  s.key("cpus_per_rank", cpus_per_rank, "cores a rank computes on; 0: what the partition gives").min(0);
  s.key("gpu_request", gpu_request,
        "what sbatch wants before the number of GPUs of a node: --gpus-per-node=a100: or --gres=gpu:");
  s.key("sbatch", sbatch, "further options of sbatch, one an item, such as [--exclusive, --mail-type=END]");
  s.key("modules", modules, "environment modules, loaded in this order");
  s.key("env", env, "NAME=VALUE for the job, taken literally");
  s.key("setup", setup, "lines of shell that the job runs before the program");
  s.key("launcher", launcher, "what starts the ranks").choices({"srun", "mpirun"});
  s.key("mpi", mpi, "srun --mpi; Open MPI wants pmix");
  s.key("launcher_options", launcher_options, "further options of srun or mpirun, one an item");
  s.key("program", program, "the dltonic that the job runs; default: the one that submits");
  s.key("container", container, "an image that holds dltonic; the job runs in it");
  s.key("container_runtime", container_runtime, "what runs the image").choices({"apptainer", "singularity"});
  s.key("container_options", container_options, "further options of its exec, one an item");
  s.key("signal_s", signal_s, "how long before the wall time ends the job is told to save and stop").unit("s").min(1);
  s.key("requeues", requeues, "how often a job that was stopped and has saved is queued again").min(0);
  s.key("script", script, "the template of the job: a file, or one of jobs/slurm/");
  s.key("scratch", scratch, "SCRATCH_STORAGE_DIR of the job; default: that of the submitting shell");
  s.key("project", project, "PROJECT_STORAGE_DIR of the job; default: that of the submitting shell");

  s.check("time", [this]() -> std::string {
    const double seconds = seconds_of_time(time);
    if (seconds <= 0) return cat("is \"", time, "\", expected: a time such as 90 (minutes), 01:30:00 or 2-12 (days-hours)");
    // Slurm may send the signal a minute early.
    if (seconds <= signal_s)
      return cat("is ", fixed(seconds, 0), " s, but the job is told to save ", signal_s,
                 " s before its end (cluster.signal_s)");
    return "";
  });
  s.check("env", [this]() -> std::string {
    for (const auto& item : env) {
      const std::size_t equals = item.find('=');
      const std::string name = item.substr(0, equals);
      const auto fits = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
      };
      if (equals == std::string::npos || name.empty() || (name[0] >= '0' && name[0] <= '9') ||
          !std::all_of(name.begin(), name.end(), fits))
        return cat("holds \"", item, "\", expected: NAME=VALUE");
    }
    return "";
  });
  s.check("sbatch", [this]() -> std::string {
    for (const auto& item : sbatch) {
      if (!item.starts_with('-') || has_line_break(item))
        return cat("holds \"", item, "\", expected: an option such as --exclusive");
    }
    return "";
  });
}

}  // namespace dltonic::app
