#include "app/submit/slurm.h"

#include <unistd.h>

#include <sstream>
#include <vector>

#include "app/submit/process.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::app::slurm {
namespace {

/// One line of what a program said, without its name in front.
std::string said_by(const ProcessResult& result) {
  std::vector<std::string> lines;
  std::istringstream text(result.err + result.out);
  for (std::string line; std::getline(text, line);) {
    for (const char* prefix : {"sbatch: ", "error: ", "squeue: "}) {
      if (line.starts_with(prefix)) line.erase(0, std::string(prefix).size());
    }
    if (!line.empty()) lines.push_back(line);
  }
  return lines.empty() ? cat("it ended with ", result.code) : join(lines, "; ");
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, '|');) fields.push_back(field);
  return fields;
}

/// "<job>|<task>|<state>" lines; squeue writes N/A for the task of a job that is no array.
void add_queue(std::map<std::string, std::string>& states) {
  const auto result =
      run_process({"squeue", "--noheader", "--array", "--states=all", cat("--user=", ::getuid()), "--format=%F|%K|%T"}, {}, 30);
  if (result.code != 0) {
    log::warn(cat("squeue does not answer (", said_by(result), "); states are taken from the runs' folders"));
    return;
  }
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = fields_of(line);
    if (fields.size() == 3) states[fields[1] == "N/A" ? fields[0] : cat(fields[0], "_", fields[1])] = fields[2];
  }
}

/// "<job>[_<task>]|<state>" lines; "CANCELLED by 1000" is cut.
void add_accounting(const std::set<std::string>& jobs, std::map<std::string, std::string>& states) {
  const auto result = run_process({"sacct", "--noheader", "--parsable2", "--allocations", "--array", "--format=JobID,State",
                                   cat("--jobs=", join({jobs.begin(), jobs.end()}, ","))},
                                  {}, 30);
  if (result.code != 0) return;  // most often: no accounting
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const auto fields = fields_of(line);
    if (fields.size() == 2) states.try_emplace(fields[0], fields[1].substr(0, fields[1].find(' ')));
  }
}

}  // namespace

bool is_there() { return has_program("sbatch"); }

std::string check(const std::string& script) {
  const auto result = run_process({"sbatch", "--test-only"}, script);
  if (result.code != 0) throw ConfigError(cat("sbatch refuses this job: ", said_by(result)));
  return said_by(result);
}

std::string submit(const std::string& path) {
  const auto result = run_process({"sbatch", "--parsable", path});
  if (result.code != 0) throw ConfigError(cat("sbatch refuses ", path, ": ", said_by(result)));
  return result.out.substr(0, result.out.find_first_of(";\n"));  // "<job>;<cluster>" where there are several clusters
}

std::map<std::string, std::string> states(const std::set<std::string>& known) {
  std::map<std::string, std::string> states;
  try {
    if (has_program("squeue")) add_queue(states);
    std::set<std::string> forgotten;
    for (const auto& job : known) {
      const auto next = states.lower_bound(job);
      if (next == states.end() || (next->first != job && !next->first.starts_with(job + "_"))) forgotten.insert(job);
    }
    if (!forgotten.empty() && has_program("sacct")) add_accounting(forgotten, states);
  } catch (const StorageError& error) {
    log::warn(cat("Slurm does not answer: ", error.what()));
  }
  return states;
}

bool is_live(const std::string& state) {
  for (const char* word : {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED",
                           "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED", "SPECIAL_EXIT"}) {
    if (state == word) return true;
  }
  return false;
}

}  // namespace dltonic::app::slurm
