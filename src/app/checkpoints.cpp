/// dltonic checkpoints list | show | verify | prune RUN_DIR: what a run has saved.
#include "dltonic/train/checkpoints.h"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "app/command.h"
#include "app/run_config.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/lock.h"

namespace dltonic::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct CheckpointsArguments {
  std::string run, which, at;
  bool as_json = false, dry_run = false;
  std::optional<int> keep_last, keep_best, keep_every_epochs, keep_every_steps;
};

store::CheckpointStore store_of(const fs::path& run) {
  if (fs::is_directory(run / "checkpoints")) return store::CheckpointStore(run / "checkpoints");
  const store::CheckpointStore itself(run);
  if (itself.list().empty())
    throw ConfigError(cat(run.string(), " holds no checkpoints: neither it nor a folder 'checkpoints' in it"));
  return itself;
}

std::string wanted(const CheckpointsArguments& arguments) {
  if (!arguments.at.empty() && !arguments.which.empty())
    throw ConfigError("choose a checkpoint by name or by --at, not by both");
  return arguments.at.empty() ? arguments.which : "@" + arguments.at;
}

Json part(const store::CheckpointEntry& entry, const std::string& name) {
  if (!entry.good()) return Json::object();
  const std::string text = store::CheckpointStore::part(entry.path, name);
  return text.empty() ? Json::object() : Json::parse(text);
}

Json facts(const store::CheckpointStore& checkpoints, const store::CheckpointEntry& entry) {
  Json out{{"name", entry.name}, {"step", entry.step}, {"time", entry.time}, {"bytes", entry.bytes}, {"good", entry.good()}};
  if (!entry.good()) out["fault"] = entry.fault;
  for (const char* marker : {"latest", "best"}) out[marker] = checkpoints.marker(marker) == entry.path;
  out["progress"] = part(entry, "progress");
  out["metrics"] = part(entry, "metrics");
  return out;
}

void list(const CheckpointsArguments& arguments) {
  const auto checkpoints = store_of(arguments.run);
  Json all = Json::array();
  for (const auto& entry : checkpoints.list()) all.push_back(facts(checkpoints, entry));
  if (arguments.as_json) {
    std::cout << Json{{"folder", checkpoints.folder().string()}, {"checkpoints", all}}.dump() << std::endl;
    return;
  }
  for (const Json& entry : all) {
    std::cout << std::left << std::setw(34) << entry["name"].get<std::string>() << std::right << std::setw(10)
              << human_bytes(entry["bytes"].get<std::uint64_t>());
    if (!entry["good"]) {
      std::cout << "  BROKEN: " << entry["fault"].get<std::string>() << "\n";
      continue;
    }
    std::cout << "  epoch " << fixed(entry["progress"].value("epoch", 0.0), 2);
    for (const char* metric : {"accuracy_hard", "accuracy_soft", "loss"}) {
      if (entry["metrics"].contains(metric))
        std::cout << "  " << metric << " " << fixed(entry["metrics"][metric].get<double>(), 4);
    }
    std::cout << (entry["latest"] ? "  latest" : "") << (entry["best"] ? "  best" : "") << "\n";
  }
  std::cout << std::flush;
}

void show(const CheckpointsArguments& arguments) {
  const auto checkpoints = store_of(arguments.run);
  const std::string which = wanted(arguments);
  const auto entry = checkpoints.find(which.empty() ? "latest" : which);
  if (!entry.good()) throw DataError(cat(entry.path.string(), " is broken: ", entry.fault));
  Json out = facts(checkpoints, entry);
  out["path"] = entry.path.string();
  for (const char* name : {"versions", "fit", "config"}) out[name] = part(entry, name);
  Json tensors = Json::object();
  for (const TensorView& tensor : store::CheckpointStore::tensors(entry.path)) tensors[tensor.name] = tensor.shape;
  out["tensors"] = tensors;
  std::cout << (arguments.as_json ? out.dump() : out.dump(2)) << std::endl;
}

/// Every rank reads its share of the checkpoints. Returns the exit code. collective
int verify(comm::World& world, const CheckpointsArguments& arguments) {
  std::vector<store::CheckpointEntry> entries;
  std::string mine;
  world.agree("verify checkpoints", [&] {
    const auto checkpoints = store_of(arguments.run);
    const std::string which = wanted(arguments);
    if (which.empty()) entries = checkpoints.list();
    else entries.push_back(checkpoints.find(which));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i % static_cast<std::size_t>(world.size()) != static_cast<std::size_t>(world.rank())) continue;
      const std::string fault = store::CheckpointStore::verify(entries[i].path);
      if (!fault.empty()) mine += cat(entries[i].name, ": ", fault, "\n");
    }
  });
  const auto faults = join(world.gather(mine), "");
  const int code = faults.empty() ? kExitDone : kExitFailure;
  if (!world.is_root()) return code;
  const auto lines = static_cast<std::size_t>(std::count(faults.begin(), faults.end(), '\n'));
  if (arguments.as_json) {
    Json broken = Json::array();
    std::istringstream in(faults);
    for (std::string line; std::getline(in, line);) broken.push_back(line);
    std::cout << Json{{"checkpoints", entries.size()}, {"good", entries.size() - lines}, {"broken", broken}}.dump()
              << std::endl;
  } else {
    std::cout << entries.size() - lines << " of " << entries.size() << " checkpoints are whole\n" << faults << std::flush;
  }
  return code;
}

/// By the run's own policy, or what the command line says instead. collective
void prune(comm::World& world, const CheckpointsArguments& arguments) {
  RunConfig config;
  const fs::path file = fs::path(arguments.run) / "config.yaml";
  world.agree("find the run", [&] {
    if (!fs::exists(file)) throw ConfigError(cat(arguments.run, " holds no config.yaml: it is not a run of dltonic train"));
  });
  config.load(world, {file.string()});
  auto& policy = config.checkpoint;
  policy.keep_last = arguments.keep_last.value_or(policy.keep_last);
  policy.keep_best = arguments.keep_best.value_or(policy.keep_best);
  policy.keep_every_epochs = arguments.keep_every_epochs.value_or(policy.keep_every_epochs);
  policy.keep_every_steps = arguments.keep_every_steps.value_or(policy.keep_every_steps);
  world.agree("prune checkpoints", [&] {
    if (!world.is_root()) return;
    const auto checkpoints = store_of(arguments.run);
    const auto holder = store::living_holder(fs::path(arguments.run) / store::kRunLockFile);
    if (holder != nullptr && !arguments.dry_run) {
      throw ConfigError(cat(arguments.run, " is in use: ", holder->what, ", process ", holder->process, " on ", holder->host,
                            " since ", holder->since, ", prunes by itself; wait for its end"));
    }
    std::optional<store::Journal> journal;  // there is one where copies are made elsewhere
    if (fs::exists(checkpoints.folder() / store::kJournalFile)) journal.emplace(checkpoints.folder());
    const auto before = checkpoints.list();
    const auto names = train::Checkpoints::prune(checkpoints, policy, train::monitor_of(config.train), arguments.dry_run,
                                                 journal ? &*journal : nullptr);
    std::uint64_t bytes = 0;
    for (const auto& entry : before) {
      if (std::find(names.begin(), names.end(), entry.name) != names.end()) bytes += entry.bytes;
    }
    if (arguments.as_json) {
      std::cout << Json{{"removed", names}, {"bytes", bytes}, {"dry_run", arguments.dry_run}}.dump() << std::endl;
      return;
    }
    for (const std::string& name : names) std::cout << (arguments.dry_run ? "would remove " : "removed ") << name << "\n";
    std::cout << names.size() << " of " << before.size() << " checkpoints, " << human_bytes(bytes)
              << (arguments.dry_run ? " would be free again\n" : " are free again\n") << std::flush;
  });
}

}  // namespace

void add_checkpoints(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("checkpoints", "list, show, verify or prune the checkpoints of a run");
  command->require_subcommand(1);
  auto arguments = std::make_shared<CheckpointsArguments>();
  const auto add = [&](const char* name, const char* what, bool chooses) {
    auto* sub = command->add_subcommand(name, what);
    sub->add_option("run", arguments->run, "the run's folder, or the folder that holds its checkpoints")->required();
    if (chooses) {
      sub->add_option("which", arguments->which, "best, latest, a checkpoint's name, step-<n>, or @<time>");
      sub->add_option("--at", arguments->at, "the last one saved at or before this time (UTC): 2026-11-22, 2026-11-22T22:06");
    }
    sub->add_flag("--json", arguments->as_json, "print one JSON object on the last line of standard output");
    return sub;
  };
  const auto on_root = [&run, arguments](auto work) {
    return [=, &run] {
      run = [=](comm::World& world) {
        world.agree("look at checkpoints", [&] {
          if (world.is_root()) work(*arguments);
        });
        return static_cast<int>(kExitDone);
      };
    };
  };
  add("list", "all of them, newest first", false)->callback(on_root(list));
  add("show", "what one holds (default: latest)", true)->callback(on_root(show));
  add("verify", "read them back and compare checksums (default: all); ends with 1 where one is broken", true)
      ->callback([=, &run] { run = [=](comm::World& world) { return verify(world, *arguments); }; });
  auto* remove = add("prune", "remove what the run's policy (checkpoint.keep_*) gives up", false);
  remove->add_option("--keep-last", arguments->keep_last, "instead of the run's own")->check(CLI::PositiveNumber);
  remove->add_option("--keep-best", arguments->keep_best, "instead of the run's own")->check(CLI::PositiveNumber);
  remove->add_option("--keep-every-epochs", arguments->keep_every_epochs, "instead of the run's own")
      ->check(CLI::NonNegativeNumber);
  remove->add_option("--keep-every-steps", arguments->keep_every_steps, "instead of the run's own")
      ->check(CLI::NonNegativeNumber);
  remove->add_flag("--dry-run", arguments->dry_run, "only tell");
  remove->callback([=, &run] {
    run = [=](comm::World& world) {
      prune(world, *arguments);
      return static_cast<int>(kExitDone);
    };
  });
}

}  // namespace dltonic::app
