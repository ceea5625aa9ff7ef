/// `dltonic submit --status`: how runs stand, from what they and their submissions left.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/submit/record.h"

namespace dltonic::app {

struct RunStatus {
  std::string name;
  std::filesystem::path dir;
  std::string submission;  ///< the folder's name; "" where none is known
  std::string job;         ///< "12", "12_3"; "" where none is known
  /// Of a job that is queued or runs Slurm's word (pending, running, ...). Else done, stopped (saved, to be gone on with),
  /// failed (<exit code>), Slurm's word for its end (timeout, cancelled, ...), or by the run's folder alone: done, started,
  /// waiting (nothing there).
  std::string state;
  std::optional<std::int64_t> step;  ///< of the last line of metrics.jsonl, or of summary.json
  std::optional<double> epoch;
  std::string epochs;                                       ///< train.epochs of config.yaml
  std::string monitor;                                      ///< the metric that chooses the best checkpoint
  std::optional<double> value;                              ///< its last one, on the validation recordings
  std::vector<std::pair<std::string, std::string>> values;  ///< of the keys that its submission swept
  /// The last value of every metric that metrics.jsonl names ("val/accuracy_hard"), then every number of summary.json ("best").
  std::vector<std::pair<std::string, double>> metrics;
};

/// One run by its folder and, where there is one, its place in a submission. `states` are Slurm's (slurm::states).
RunStatus read_run(const std::string& name, const std::filesystem::path& dir, const Record* record, std::size_t task,
                   const std::map<std::string, std::string>& states);

/// All runs of the submissions below `project` (of a run that was submitted twice: the later one), then those in <scratch>/runs
/// and <project>/runs that nobody submitted. With `names` only those whose name, or whose submission's, begins with one of
/// them.
std::vector<RunStatus> read_runs(const std::filesystem::path& scratch, const std::filesystem::path& project,
                                 const std::vector<Record>& records, const std::map<std::string, std::string>& states,
                                 const std::vector<std::string>& names);

/// A table for people; one JSON object on one line; a table for other programs (RFC 4180) with a column a swept key and a
/// metric.
std::string status_text(const std::vector<RunStatus>& runs);
std::string status_json(const std::vector<RunStatus>& runs);
std::string status_csv(const std::vector<RunStatus>& runs);

}  // namespace dltonic::app
