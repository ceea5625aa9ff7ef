/// How a sub-command joins the program: one file, one line in main.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"

namespace dltonic::app {

/// What main runs once the command line is read: returns an exit code. collective
using Run = std::function<int(comm::World&)>;

/// Each adds its sub-command to `cli`; when that is chosen, `run` becomes its work.
void add_prepare(CLI::App& cli, Run& run);
void add_train(CLI::App& cli, Run& run);
void add_evaluate(CLI::App& cli, Run& run);
void add_checkpoints(CLI::App& cli, Run& run);
void add_inspect(CLI::App& cli, Run& run);
void add_stats(CLI::App& cli, Run& run);
void add_submit(CLI::App& cli, Run& run);
void add_sync(CLI::App& cli, Run& run);
void add_doctor(CLI::App& cli, Run& run);

/// The arguments that several commands share.
struct ConfigArguments {
  std::vector<std::string> words;  ///< [FILE] KEY=VALUE...
  bool help_config = false;
  void add_to(CLI::App& command);
  /// As they were typed: for messages that tell what to run.
  std::string typed() const;
};

}  // namespace dltonic::app
