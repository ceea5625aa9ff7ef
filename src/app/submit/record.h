/// What a submission leaves for `dltonic submit --status`: <project>/jobs/<name>-<time>/submit.json.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "app/submit/job.h"
#include "app/submit/sweep.h"

namespace dltonic::app {

struct SubmittedRun {
  std::string name;
  std::filesystem::path dir;                                ///< the run's folder
  std::vector<std::string> words;                           ///< its command line
  std::vector<std::pair<std::string, std::string>> values;  ///< of the swept keys
};

struct Record {
  std::filesystem::path folder;    ///< of the submission
  std::string job;                 ///< Slurm's number; "" until it is queued
  std::string submitted;           ///< UTC
  std::vector<SubmittedRun> runs;  ///< in the order of the array's tasks

  /// As squeue names the job of a run: "12", or "12_3" in an array.
  std::string job_of(std::size_t run) const;
};

/// Writes submit.json into record.folder (atomic). `job` tells what was asked for.
void write_record(const Record& record, const Job& job);
/// All submissions below <project>/jobs, oldest first. What cannot be read is left out with a warning.
std::vector<Record> read_records(const std::filesystem::path& project);

}  // namespace dltonic::app
