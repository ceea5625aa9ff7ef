/// dltonic submit: runs of one command line as a job of Slurm's, or a table of how such runs stand.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/run_config.h"
#include "app/submit/record.h"
#include "app/submit/slurm.h"
#include "app/submit/status.h"
#include "app/submit/template.h"
#include "dltonic/config/effective.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/data/cache.h"

namespace fs = std::filesystem;

namespace dltonic::app {
namespace {

struct SubmitArguments {
  ConfigArguments config;
  JobSize size;
  std::string cluster = "slurm";
  std::vector<std::string> cluster_words;  ///< of options: cluster.time=...
  bool prepare = false, dry_run = false, status = false, as_json = false, as_csv = false;
};

/// Of the words on the command line those about the cluster, and those about the run.
struct Words {
  std::vector<std::string> cluster, run;
};
Words sort_words(const SubmitArguments& arguments) {
  Words words{{cat("cluster=", arguments.cluster)}, {}};
  for (const auto& word : arguments.config.words) {
    if (word.starts_with("cluster=")) words.cluster[0] = word;
    else (word.starts_with("cluster.") ? words.cluster : words.run).push_back(word);
  }
  words.cluster.insert(words.cluster.end(), arguments.cluster_words.begin(), arguments.cluster_words.end());
  return words;
}

fs::path storage(const std::string& given, const char* variable) {
  return fs::absolute(given.empty() ? *config::environment(variable) : given).lexically_normal();
}

const config::Key* find_key(const config::Section& section, const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot != std::string::npos) {
    for (const auto& below : section.sections()) {
      if (below->name() == name.substr(0, dot)) return find_key(*below, name.substr(dot + 1));
    }
    return nullptr;
  }
  for (const auto& key : section.keys()) {
    if (key->name() == name) return key.get();
  }
  return nullptr;
}

bool is_list(const config::Section& root, const std::string& name) {
  const config::Key* key = find_key(root, name);
  if (key == nullptr) return false;
  return std::holds_alternative<std::vector<int>*>(key->target()) ||
         std::holds_alternative<std::vector<double>*>(key->target()) ||
         std::holds_alternative<std::vector<std::string>*>(key->target());
}

/// "" where the run's frames are there; else what is missing.
std::string missing_frames(const RunConfig& config, const fs::path& project) {
  try {
    const auto prepared = data::find_prepared(config.data, project);
    return fs::exists(prepared.frames)
               ? ""
               : prepared.frames.string() + " is missing: run dltonic prepare with the same arguments first";
  } catch (const DataError& error) {
    return error.what();
  }
}

struct Plan {
  Job job;
  Record record;
  std::vector<std::string> configs;  ///< task-<n>.yaml
};

/// How a run was asked for, as a line of remark.
std::string remark(const std::vector<std::string>& words) {
  std::string line = "# dltonic train " + shell_line(words) + "\n";
  std::replace(line.begin(), line.end() - 1, '\n', ' ');
  return line;
}

/// Every run's configuration is read and checked here, and frozen: a file that is edited while the job waits changes nothing.
Plan make_plan(const SubmitArguments& arguments) {
  const Words words = sort_words(arguments);
  Plan plan;
  Job& job = plan.job;
  config::Section cluster_root;
  job.cluster.bind(cluster_root.section("cluster"));
  config::Loader(cluster_root, DLTONIC_DEFAULT_CONFIGS).load(words.cluster);
  job.size = arguments.size;
  job.prepare = arguments.prepare;
  job.scratch = storage(job.cluster.scratch, "SCRATCH_STORAGE_DIR");
  job.project = storage(job.cluster.project, "PROJECT_STORAGE_DIR");
  job.working_folder = fs::current_path();

  const RunConfig schema;
  const auto tasks = expand_sweep(words.run, [&](const std::string& key) { return is_list(schema.root(), key); });
  job.tasks = static_cast<int>(tasks.size());
  std::string unprepared;
  for (const SweepTask& task : tasks) {
    RunConfig config;
    if (task.name.empty()) config.read(task.words);
    else with_context(cat("the run ", task.name), [&] { config.read(task.words); });
    if (job.name.empty()) job.name = config.run.name;
    const std::string name = task.name.empty() ? config.run.name : cat(config.run.name, "-", task.name);
    fs::path dir = config.run.dir.empty() ? job.scratch / "runs" / name : fs::path(config.run.dir);
    if (!config.run.dir.empty() && !task.name.empty()) dir /= task.name;
    config.run.name = name;
    config.run.dir = fs::absolute(dir).lexically_normal().string();
    if (unprepared.empty()) unprepared = missing_frames(config, job.project);
    plan.configs.push_back(remark(task.words) + config::effective_yaml(config.root()));
    plan.record.runs.push_back({name, config.run.dir, task.words, task.values});
  }
  if (!unprepared.empty() && !arguments.prepare) {
    const std::string advice = cat("the frames are not prepared: ", unprepared, "; or add --prepare");
    if (!arguments.dry_run) throw DataError(advice);
    log::warn(advice);
  }
  plan.record.submitted = utc_iso();
  job.folder = job.project / "jobs" / cat(job.name, "-", utc_compact());
  for (int again = 2; fs::exists(job.folder); ++again)
    job.folder = job.project / "jobs" / cat(job.name, "-", utc_compact(), "-", again);
  plan.record.folder = job.folder;
  return plan;
}

/// Two jobs must not write one run.
void refuse_live_runs(const Plan& plan) {
  const auto records = read_records(plan.job.project);
  std::set<std::string> jobs;
  for (const Record& record : records) {
    if (!record.job.empty()) jobs.insert(record.job);
  }
  if (jobs.empty()) return;
  const auto states = slurm::states(jobs);
  for (const Record& record : records) {
    for (std::size_t task = 0; task < record.runs.size(); ++task) {
      const auto state = states.find(record.job_of(task));
      if (state == states.end() || !slurm::is_live(state->second)) continue;
      for (const SubmittedRun& run : plan.record.runs) {
        if (run.dir != record.runs[task].dir) continue;
        throw ConfigError(cat("run ", run.name, " belongs to job ", record.job_of(task), " already, which is ", state->second,
                              ": scancel it first, or give another run.name"));
      }
    }
  }
}

void queue(Plan& plan, const std::string& script) {
  make_directories(plan.job.folder);
  try {
    for (std::size_t task = 0; task < plan.configs.size(); ++task) {
      write_file_atomic(plan.job.folder / cat("task-", task, ".yaml"), plan.configs[task]);
    }
    write_file_atomic(plan.job.folder / "job.sh", script);
    write_record(plan.record, plan.job);
    plan.record.job = slurm::submit((plan.job.folder / "job.sh").string());
  } catch (...) {
    std::error_code error;
    fs::remove_all(plan.job.folder, error);  // nothing was queued
    throw;
  }
  write_record(plan.record, plan.job);
}

void tell(const Plan& plan) {
  const Job& job = plan.job;
  log::info(cat(job.tasks == 1 ? "one run" : cat(job.tasks, " runs, an array"), " on ", job.size.nodes,
                job.size.nodes == 1 ? " node, " : " nodes, ", job.ranks(), job.ranks() == 1 ? " rank, " : " ranks, ",
                job.size.gpus_per_node > 0 ? cat(job.size.gpus_per_node, " GPUs a node, ") : "", "at most ",
                human_seconds(seconds_of_time(job.cluster.time)), " an attempt"));
  for (const SubmittedRun& run : plan.record.runs) log::info(cat("  ", run.name, ": ", run.dir.string()));
}

void submit_job(const SubmitArguments& arguments) {
  Plan plan = make_plan(arguments);
  const std::string script = job_script(plan.job, DLTONIC_JOB_TEMPLATES);
  tell(plan);
  if (arguments.dry_run) {
    std::cout << script << std::flush;
    log::info(slurm::is_there() ? "nothing is queued; sbatch --test-only: " + slurm::check(script)
                                : "nothing is queued; unchecked, since there is no sbatch");
    return;
  }
  if (!slurm::is_there()) {
    throw ConfigError(
        "there is no sbatch on PATH, so no Slurm to submit to: submit where there is one, or start the run by jobs/mpirun.sh, "
        "which does without");
  }
  refuse_live_runs(plan);
  log::info("sbatch --test-only: " + slurm::check(script));
  queue(plan, script);
  log::info(cat("queued as job ", plan.record.job, "; script and logs are in ", plan.job.folder.string(),
                "\nsee how it stands with  dltonic submit --status ", plan.job.name));
  if (!arguments.as_json) return;
  nlohmann::ordered_json json{
      {"job", plan.record.job}, {"folder", plan.job.folder.string()}, {"runs", nlohmann::ordered_json::array()}};
  for (const SubmittedRun& run : plan.record.runs) json["runs"].push_back({{"run", run.name}, {"dir", run.dir.string()}});
  std::cout << json.dump() << std::endl;
}

void show_status(const SubmitArguments& arguments) {
  const Words words = sort_words(arguments);
  const fs::path scratch = storage({}, "SCRATCH_STORAGE_DIR"), project = storage({}, "PROJECT_STORAGE_DIR");
  const auto records = read_records(project);
  std::set<std::string> jobs;
  for (const Record& record : records) {
    if (!record.job.empty()) jobs.insert(record.job);
  }
  const auto runs = read_runs(scratch, project, records,
                              jobs.empty() ? std::map<std::string, std::string>{} : slurm::states(jobs), words.run);
  std::cout << (arguments.as_json ? status_json(runs) : arguments.as_csv ? status_csv(runs) : status_text(runs)) << std::flush;
}

int submit(comm::World& world, const SubmitArguments& arguments) {
  world.agree("submit", [&] {
    if (world.size() > 1)
      throw ConfigError(cat("submit is the work of one process, not of ", world.size(), " ranks: run it without mpirun"));
    if (arguments.config.help_config) {
      ClusterOptions cluster;
      config::Section root;
      cluster.bind(root.section("cluster", "what a job needs to know of the machine"));
      std::cout << config::help(root);
    } else if (arguments.status) {
      show_status(arguments);
    } else {
      submit_job(arguments);
    }
  });
  return kExitDone;
}

}  // namespace

void add_submit(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("submit", "train as a job of Slurm, or several as a sweep; --status tells how runs stand");
  auto arguments = std::make_shared<SubmitArguments>();
  command->add_option(
      "config", arguments->config.words,
      "as for train; KEY=A,B sweeps: every combination is a run of its own. With --status: beginnings of names");
  command->add_flag("--help-config", arguments->config.help_config, "list every key of a cluster's file, cluster.*");
  command->add_option("--cluster", arguments->cluster, "configs/cluster/<name>.yaml")->capture_default_str();
  command->add_option("--nodes", arguments->size.nodes, "hosts of a run")->capture_default_str()->check(CLI::PositiveNumber);
  command->add_option("--gpus-per-node", arguments->size.gpus_per_node, "GPUs, and ranks, of a host")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--at-once", arguments->size.at_once, "runs of a sweep at the same time; 0: no limit")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  const auto cluster_option = [&](const char* name, const char* key, const char* help) {
    command->add_option_function<std::string>(
        name, [=](const std::string& value) { arguments->cluster_words.push_back(cat("cluster.", key, "=", value)); }, help);
  };
  cluster_option("--ranks-per-node", "ranks_per_node", "ranks of a host without GPUs (cluster.ranks_per_node)");
  cluster_option("--time", "time", "wall time of an attempt, such as 02:00:00 (cluster.time)");
  cluster_option("--launcher", "launcher", "srun or mpirun (cluster.launcher)");
  cluster_option("--container", "container", "run in this image (cluster.container)");
  command->add_flag("--prepare", arguments->prepare, "prepare the data in the job, before training");
  auto* dry_run = command->add_flag("--dry-run", arguments->dry_run, "print the job's script and check it; queue nothing");
  auto* status = command->add_flag("--status", arguments->status, "a table of runs: state, step, epoch, monitored metric")
                     ->excludes(dry_run);
  auto* json = command->add_flag("--json", arguments->as_json, "print one JSON object on the last line of standard output");
  command->add_flag("--csv", arguments->as_csv, "with --status: a table with a column a swept key and a metric")
      ->needs(status)
      ->excludes(json);
  command->callback([=, &run] { run = [=](comm::World& world) { return submit(world, *arguments); }; });
}

}  // namespace dltonic::app
