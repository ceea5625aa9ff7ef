#include "app/submit/job.h"

#include <map>

#include "app/submit/process.h"
#include "app/submit/template.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"

namespace fs = std::filesystem;

namespace dltonic::app {
namespace {

/// The #SBATCH lines that not every job has.
std::string resources(const Job& job) {
  const ClusterOptions& cluster = job.cluster;
  std::vector<std::string> options;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) options.push_back(cat(option, sbatch_quote(value)));
  };
  add("--partition=", cluster.partition);
  add("--account=", cluster.account);
  add("--qos=", cluster.qos);
  add("--constraint=", cluster.constraint);
  add("--mem=", cluster.memory);
  if (cluster.cpus_per_rank > 0) options.push_back(cat("--cpus-per-task=", cluster.cpus_per_rank));
  if (job.size.gpus_per_node > 0) options.push_back(cat(cluster.gpu_request, job.size.gpus_per_node));
  if (job.tasks > 1) {
    options.push_back(cat("--array=0-", job.tasks - 1, job.size.at_once > 0 ? cat("%", job.size.at_once) : ""));
  }
  options.insert(options.end(), cluster.sbatch.begin(), cluster.sbatch.end());
  for (auto& option : options) option.insert(0, "#SBATCH ");
  return join(options, "\n");
}

std::string environment(const Job& job) {
  std::vector<std::string> lines;
  if (!job.cluster.modules.empty()) lines.push_back("module load " + shell_line(job.cluster.modules));
  const auto set = [&](const std::string& name, const std::string& value) {
    lines.push_back(cat("export ", name, "=", shell_quote(value)));
  };
  set("PROJECT_STORAGE_DIR", job.project);
  set("SCRATCH_STORAGE_DIR", job.scratch);
  for (const auto& item : job.cluster.env) set(item.substr(0, item.find('=')), item.substr(item.find('=') + 1));
  lines.insert(lines.end(), job.cluster.setup.begin(), job.cluster.setup.end());
  return join(lines, "\n");
}

std::string launcher(const Job& job) {
  std::vector<std::string> words;
  if (job.cluster.launcher == "srun") {
    words = {"srun", "--mpi=" + job.cluster.mpi, "--kill-on-bad-exit=1"};
  } else {
    words = {"mpirun", "-n", std::to_string(job.ranks()), "--map-by", cat("ppr:", job.ranks_per_node(), ":node")};
  }
  words.insert(words.end(), job.cluster.launcher_options.begin(), job.cluster.launcher_options.end());
  return shell_line(words);
}

std::string program(const Job& job) {
  const ClusterOptions& cluster = job.cluster;
  if (cluster.container.empty()) {
    const std::string own = fs::read_symlink("/proc/self/exe").string();
    const std::string path = cluster.program.empty() ? own : cluster.program;
    if (!has_program(path))
      throw ConfigError(cat("cluster.program ", path, " is no program that can be run here; give the path of dltonic"));
    return shell_quote(path);
  }
  if (!fs::exists(cluster.container))
    throw ConfigError(
        cat("cluster.container ", cluster.container, " is missing: make one by singularity/build.sh, or give another image"));
  std::vector<std::string> words{cluster.container_runtime, "exec"};
  if (job.size.gpus_per_node > 0) words.push_back("--nv");
  for (const auto& folder : {job.scratch, job.project, job.working_folder}) {
    words.push_back("--bind");
    words.push_back(folder);
  }
  words.insert(words.end(), cluster.container_options.begin(), cluster.container_options.end());
  words.push_back(fs::absolute(cluster.container).lexically_normal());
  words.push_back(cluster.program.empty() ? "dltonic" : cluster.program);
  return shell_line(words);
}

/// sbatch puts other things in the place of %a, %j and so on.
std::string without_patterns(const fs::path& path) {
  std::string text;
  for (const char c : path.string()) text += c == '%' ? std::string("%%") : std::string(1, c);
  return text;
}

fs::path find_template(const std::string& script, const fs::path& templates) {
  if (script.find('/') != std::string::npos) return script;
  return fs::exists(templates / script) ? templates / script : fs::path(script);
}

}  // namespace

std::string job_script(const Job& job, const fs::path& templates) {
  const fs::path path = find_template(job.cluster.script, templates);
  std::string text;
  try {
    text = read_text(path);
  } catch (const StorageError& error) {
    throw ConfigError(cat("cluster.script: ", error.what(), "; give a file, or one of ", templates.string()));
  }
  const std::string start = launcher(job), dltonic = program(job);
  const std::map<std::string, std::string> values{
      {"about", cat("By dltonic submit, ", version(), " (git ", git_hash(), ").")},
      {"name", sbatch_quote(job.name)},
      {"nodes", std::to_string(job.size.nodes)},
      {"ranks_per_node", std::to_string(job.ranks_per_node())},
      {"time", job.cluster.time},
      {"signal_s", std::to_string(job.cluster.signal_s)},
      {"log",
       sbatch_quote(without_patterns(job.folder / (job.tasks > 1 ? "log-" : "log-0.txt")) + (job.tasks > 1 ? "%a.txt" : ""))},
      {"resources", resources(job)},
      {"working_folder", shell_quote(job.working_folder.string())},
      {"environment", environment(job)},
      {"folder", shell_quote(job.folder.string())},
      {"requeues", std::to_string(job.cluster.requeues)},
      {"prepare", job.prepare ? cat("step ", start, " ", dltonic, " prepare \"$config\" &&") : ""},
      {"train", cat("step ", start, " ", dltonic, " train \"$config\" --resume")},
  };
  return fill_template(text, path.string(), values);
}

}  // namespace dltonic::app
