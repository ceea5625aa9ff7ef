#include "app/submit/cluster.h"

#include <algorithm>
#include <charconv>

#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

/// "2:03:04" -> {2, 3, 4}; empty where a part is no number.
std::vector<long> numbers_of(std::string_view text) {
  std::vector<long> numbers;
  while (true) {
    const std::string_view part = text.substr(0, text.find(':'));
    long number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (part.empty() || error != std::errc() || end != part.data() + part.size() || number < 0) return {};
    numbers.push_back(number);
    if (part.size() == text.size()) return numbers;
    text.remove_prefix(part.size() + 1);
  }
}

bool has_line_break(const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; }

}  // namespace

long seconds_of_time(const std::string& time) {
  const std::size_t dash = time.find('-');
  if (dash != std::string::npos) {
    const auto days = numbers_of(std::string_view(time).substr(0, dash));
    auto rest = numbers_of(std::string_view(time).substr(dash + 1));
    if (days.size() != 1 || rest.empty() || rest.size() > 3) return -1;
    rest.resize(3, 0);  // hours come first
    return ((days[0] * 24 + rest[0]) * 60 + rest[1]) * 60 + rest[2];
  }
  const auto parts = numbers_of(time);
  if (parts.size() == 1) return parts[0] * 60;
  if (parts.size() == 2) return parts[0] * 60 + parts[1];
  if (parts.size() == 3) return (parts[0] * 60 + parts[1]) * 60 + parts[2];
  return -1;
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
    const long seconds = seconds_of_time(time);
    if (seconds <= 0) return cat("is \"", time, "\", expected: a time such as 90 (minutes), 01:30:00 or 2-12 (days-hours)");
    // Slurm may send the signal a minute early.
    if (seconds <= signal_s)
      return cat("is ", seconds, " s, but the job is told to save ", signal_s, " s before its end (cluster.signal_s)");
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
