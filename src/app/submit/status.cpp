#include "app/submit/status.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "app/submit/slurm.h"
#include "dltonic/config/effective.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace fs = std::filesystem;

namespace dltonic::app {
namespace {

using Json = nlohmann::ordered_json;

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return word;
}

template <class Value>
void set(std::vector<std::pair<std::string, Value>>& pairs, const std::string& name, const Value& value) {
  for (auto& [known, old] : pairs) {
    if (known == name) {
      old = value;
      return;
    }
  }
  pairs.emplace_back(name, value);
}

/// What the lines themselves are about.
bool is_place(const std::string& name) { return name == "time" || name == "split" || name == "epoch" || name == "step"; }

/// metrics.jsonl: the last of each. Its last line may be cut, since the run goes on.
void read_metrics(const fs::path& path, RunStatus& run) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("split") || !json["split"].is_string()) continue;
    const std::string split = json["split"].get<std::string>();
    for (const auto& [name, value] : json.items()) {
      if (value.is_number() && !is_place(name)) set(run.metrics, cat(split, "/", name), value.get<double>());
    }
    if (json.contains("step") && json["step"].is_number()) run.step = json["step"].get<std::int64_t>();
    if (json.contains("epoch") && json["epoch"].is_number()) run.epoch = json["epoch"].get<double>();
  }
}

/// "done", "stopped", or "" where there is no summary, which is written last. One that is older than the last step belongs to
/// a run that went on.
std::string read_summary(const fs::path& path, RunStatus& run) {
  if (!fs::exists(path)) return "";
  const Json json = Json::parse(read_text(path), nullptr, false);
  if (!json.is_object() || !json.contains("steps") || !json["steps"].is_number()) return "";
  const auto steps = json["steps"].get<std::int64_t>();
  if (run.step && steps < *run.step) return "";
  run.step = steps;  // a stop may lie within an epoch, which has no line yet
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) set(run.metrics, name, value.get<double>());
  }
  return json.contains("stopped_by") ? "stopped" : "done";
}

void read_config(const fs::path& path, RunStatus& run) {
  if (!fs::exists(path)) return;
  try {
    const auto config = config::flat_values(read_text(path), path.string());
    for (const auto& [key, value] : config) {
      if (key == "train.epochs") run.epochs = value;
      if (key == "train.monitor" || (run.monitor.empty() && key.ends_with(".monitor"))) run.monitor = value;
    }
  } catch (const Error& error) {
    log::warn(error.what());
  }
}

/// The code that the job's script noted when it ended; -1 where it has not.
int noted_exit(const Record& record, std::size_t task) {
  int code = -1;
  std::ifstream(record.folder / cat("exit-", task)) >> code;
  return code;
}

std::string state_of(const RunStatus& run, const std::string& end, const Record* record, std::size_t task,
                     const std::map<std::string, std::string>& states) {
  const auto known = states.find(run.job);
  const std::string slurm = run.job.empty() || known == states.end() ? "" : known->second;
  if (slurm::is_live(slurm)) return lower(slurm);
  if (const int code = record == nullptr ? -1 : noted_exit(*record, task); code >= 0) {
    return code == kExitDone ? "done" : code == kExitRunAgain ? "stopped" : cat("failed (", code, ")");
  }
  if (slurm == "COMPLETED") return "done";
  if (!end.empty()) return end;
  if (!slurm.empty()) return lower(slurm);
  return run.step || fs::exists(run.dir / "config.yaml") ? "started" : "waiting";
}

bool is_wanted(const RunStatus& run, const std::vector<std::string>& names) {
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return run.name.starts_with(name) || run.submission.starts_with(name);
         });
}

}  // namespace

RunStatus read_run(const std::string& name, const fs::path& dir, const Record* record, std::size_t task,
                   const std::map<std::string, std::string>& states) {
  RunStatus run;
  run.name = name;
  run.dir = dir;
  if (record != nullptr) {
    run.submission = record->folder.filename().string();
    run.job = record->job_of(task);
    run.values = record->runs[task].values;
  }
  read_config(dir / "config.yaml", run);
  read_metrics(dir / "metrics.jsonl", run);
  const std::string end = read_summary(dir / "summary.json", run);
  for (const auto& [metric, value] : run.metrics) {
    if (metric == "val/" + run.monitor) run.value = value;
  }
  run.state = state_of(run, end, record, task, states);
  return run;
}

std::vector<RunStatus> read_runs(const fs::path& scratch, const fs::path& project, const std::vector<Record>& records,
                                 const std::map<std::string, std::string>& states, const std::vector<std::string>& names) {
  std::vector<RunStatus> runs;
  const auto mirror = [&](const fs::path& dir) { return project / "runs" / dir.filename(); };
  /// Scratch may have been wiped: the copy on project storage tells the same.
  const auto present = [&](const fs::path& dir) {
    return fs::exists(dir / "config.yaml") ? dir : fs::exists(mirror(dir) / "config.yaml") ? mirror(dir) : dir;
  };
  std::set<fs::path> seen;
  const auto add = [&](RunStatus run) {
    if (is_wanted(run, names)) runs.push_back(std::move(run));
  };

  std::map<fs::path, std::pair<const Record*, std::size_t>> latest;
  for (const Record& record : records) {
    for (std::size_t task = 0; task < record.runs.size(); ++task) latest[record.runs[task].dir] = {&record, task};
  }
  for (const Record& record : records) {
    for (std::size_t task = 0; task < record.runs.size(); ++task) {
      const SubmittedRun& run = record.runs[task];
      if (latest[run.dir] != std::pair{&record, task}) continue;
      seen.insert(fs::weakly_canonical(run.dir));
      seen.insert(fs::weakly_canonical(mirror(run.dir)));
      add(read_run(run.name, present(run.dir), &record, task, states));
    }
  }
  for (const fs::path& folder : {scratch / "runs", project / "runs"}) {
    std::vector<fs::path> dirs;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(folder, error)) {
      if (fs::exists(item.path() / "config.yaml")) dirs.push_back(item.path());
    }
    std::sort(dirs.begin(), dirs.end());
    for (const auto& dir : dirs) {
      if (!seen.insert(fs::weakly_canonical(dir)).second) continue;
      seen.insert(fs::weakly_canonical(mirror(dir)));
      add(read_run(dir.filename().string(), dir, nullptr, 0, states));
    }
  }
  return runs;
}

}  // namespace dltonic::app
