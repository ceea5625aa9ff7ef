#include "dltonic/data/prepare.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/prepared.h"
#include "app/run_config.h"
#include "app/run_setup.h"
#include "dltonic/config/effective.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/report/progress.h"

namespace dltonic::app {
namespace {

int prepare(comm::World& world, const ConfigArguments& arguments, bool as_json) {
  RunConfig config;
  if (arguments.help_config) return print_config_help(world, config);
  config.load(world, arguments.words);
  share_cores(world);
  stop::on_signals("prepare");
  const auto progress = root_progress(world, config);
  const auto result = data::prepare(world, config.data, config.dirs().project, *progress);
  if (!world.is_root()) return 0;
  log::info(cat(result.cached ? "already prepared: " : "prepared: ", result.file.frames.string(), " (",
                with_commas(result.samples), " frames of ", with_commas(result.recordings), " recordings, ",
                human_bytes(result.bytes), ", ", human_seconds(result.seconds), ")"));
  if (!result.skipped.empty()) {
    log::warn(cat("skipped ", with_commas(result.skipped.size()), " of ",
                  with_commas(result.recordings + result.skipped.size()),
                  " recordings that are damaged (data.on_error is skip):"));
  }
  for (const std::string& skipped : result.skipped) log::warn("skipped: " + skipped);
  if (as_json) {
    std::cout << nlohmann::json{{"frames", result.file.frames.string()},
                                {"samples", result.samples},
                                {"recordings", result.recordings},
                                {"events", result.events},
                                {"skipped", result.skipped},
                                {"cached", result.cached},
                                {"seconds", result.seconds}}
              << std::endl;
  }
  return 0;
}

}  // namespace

void add_prepare(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("prepare", "read recordings or images, filter, cut frames, write them to project storage");
  auto arguments = std::make_shared<ConfigArguments>();
  auto what = std::make_shared<PreparedArguments>();
  arguments->add_to(*command);
  command->add_flag("--json", what->as_json, "print one JSON object on the last line of standard output");
  command->add_flag(
      "--check", what->check,
      "prepare nothing: compare archives with published checksums, decode every recording, count them; ends with 2 "
      "where something is missing or damaged");
  command->add_flag("--list", what->list,
                    "show what is prepared, and what of it the configuration (if one is given) would use");
  auto* prune = command->add_flag(
      "--prune", what->prune, "show what may go: all but the files of the configuration (if one is given); --yes removes it");
  command->add_option("--older-than", what->older_than_days, "prune only what was not used for so many days")
      ->needs(prune)
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--yes", what->yes, "prune: remove it")->needs(prune);
  command->add_flag("--dry-run", what->dry_run, "prune: only tell")->needs(prune);
  command->callback([=, &run] {
    const bool asks = what->check || what->list || what->prune;
    run = [=](comm::World& world) {
      return asks ? prepared(world, *arguments, *what) : prepare(world, *arguments, what->as_json);
    };
  });
}

}  // namespace dltonic::app
