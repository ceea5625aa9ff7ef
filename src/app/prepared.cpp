#include "app/prepared.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/run_config.h"
#include "app/run_setup.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/data/check.h"
#include "dltonic/data/prepared_list.h"

namespace dltonic::app {
namespace {

using Json = nlohmann::ordered_json;

Json as_json(const std::vector<data::PreparedEntry>& entries) {
  Json all = Json::array();
  for (const auto& e : entries) {
    all.push_back({{"path", e.path.string()},
                   {"kind", e.kind},
                   {"name", e.name},
                   {"key", e.key},
                   {"bytes", e.bytes},
                   {"unused_days", e.unused_days},
                   {"wanted", e.wanted},
                   {"in_use", e.in_use},
                   {"settings", e.settings}});
  }
  return all;
}

void show(const std::vector<data::PreparedEntry>& entries) {
  for (const auto& e : entries) {
    std::cout << std::left << std::setw(9) << e.kind << std::right << std::setw(10) << human_bytes(e.bytes) << "  "
              << std::setw(6) << fixed(e.unused_days, 1) << " days  " << e.path.filename().string()
              << (e.wanted ? "  (this configuration's)" : "") << (e.in_use ? "  (in use)" : "") << "\n";
    if (!e.settings.empty()) std::cout << "          " << e.settings << "\n";
  }
}

std::uint64_t bytes_of(const std::vector<data::PreparedEntry>& entries) {
  std::uint64_t sum = 0;
  for (const auto& e : entries) sum += e.bytes;
  return sum;
}

void list(const std::filesystem::path& project, const data::Options* options, const PreparedArguments& what) {
  const auto entries = data::list_prepared(project, options);
  if (what.as_json) {
    std::cout << Json{{"folder", (project / "data").string()}, {"prepared", as_json(entries)}}.dump() << std::endl;
    return;
  }
  show(entries);
  std::cout << entries.size() << " prepared files and folders in " << (project / "data").string() << ", "
            << human_bytes(bytes_of(entries)) << std::endl;
}

void prune(const std::filesystem::path& project, const data::Options* options, const PreparedArguments& what) {
  if (options == nullptr && what.older_than_days < 0) {
    throw ConfigError(
        "prepare --prune needs --older-than DAYS, or a configuration whose files are kept while all others go, or both");
  }
  const bool dry_run = what.dry_run || !what.yes;
  const auto gone = data::prune_prepared(project, options, std::max(0.0, what.older_than_days), dry_run);
  if (what.as_json) {
    std::cout << Json{{"removed", as_json(gone)}, {"bytes", bytes_of(gone)}, {"dry_run", dry_run}}.dump() << std::endl;
    return;
  }
  show(gone);
  std::cout << gone.size() << " prepared files and folders, " << human_bytes(bytes_of(gone))
            << (dry_run ? what.dry_run ? " would be removed" : " would be removed: say --yes to remove them" : " were removed")
            << std::endl;
}

/// collective
int check(comm::World& world, const RunConfig& config, const PreparedArguments& what) {
  share_cores(world);
  stop::on_signals("prepare --check");
  const auto progress = root_progress(world, config);
  const auto result = data::check_data(world, config.data, config.dirs().project, *progress);
  const int code = result.faults.empty() ? kExitDone : kExitWrongInput;
  if (!world.is_root()) return code;
  for (const std::string& good : result.good) log::info(good);
  for (const std::string& fault : result.faults) log::error(fault);
  if (what.as_json) {
    std::cout << Json{{"good", result.good},
                      {"faults", result.faults},
                      {"recordings", result.recordings},
                      {"events", result.events}}
                     .dump()
              << std::endl;
  } else {
    std::cout << config.data.name << ": " << (result.faults.empty() ? "whole" : cat(result.faults.size(), " faults"))
              << std::endl;
  }
  return code;
}

}  // namespace

int prepared(comm::World& world, const ConfigArguments& arguments, const PreparedArguments& what) {
  world.agree("read the arguments", [&] {
    if (int{what.list} + int{what.prune} + int{what.check} != 1) throw ConfigError("choose one of --list, --prune and --check");
    if (what.check && arguments.words.empty()) throw ConfigError("prepare --check needs the configuration of the data set");
  });
  RunConfig config;
  const bool has_config = !arguments.words.empty();
  std::filesystem::path project;
  if (has_config) {
    config.load(world, arguments.words);
    project = config.dirs().project;
  } else {
    world.agree("find project storage", [&] { project = config::storage_dirs().project; });
  }
  if (what.check) return check(world, config, what);
  world.agree("look at prepared files", [&] {
    if (!world.is_root()) return;
    const data::Options* options = has_config ? &config.data : nullptr;
    if (what.list) list(project, options, what);
    else prune(project, options, what);
  });
  return kExitDone;
}

}  // namespace dltonic::app
