/// Other programs: Slurm's commands.
#pragma once

#include <string>
#include <vector>

namespace dltonic::app {

struct ProcessResult {
  int code = 0;  ///< exit code; 128 + signal where one ended it
  std::string out, err;
};

/// Whether `name` can be run: a path, or a file on PATH.
bool has_program(const std::string& name);

/// Runs words[0] with `input` as its standard input and this process's first environment (what MPI has added since does not
/// belong to others), and waits for it. StorageError where it cannot be started or does not end within timeout_s (it is
/// killed then).
ProcessResult run_process(const std::vector<std::string>& words, const std::string& input = {}, double timeout_s = 120);

}  // namespace dltonic::app
