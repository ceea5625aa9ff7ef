#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/command.h"
#include "app/sync_targets.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/report/progress.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/lock.h"
#include "dltonic/store/sync.h"

namespace dltonic::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using store::SyncAction;
using store::SyncItem;

struct SyncArguments {
  std::vector<std::string> words;
  bool checksum = false, remove = false, dry_run = false, as_json = false;
  double interval_s = 30;
  std::string progress = "auto";
};

struct Work {
  SyncTarget target;
  fs::path from, to;
  std::vector<SyncItem> items;
};

bool is_work(const SyncItem& item) {
  return item.action == SyncAction::copy || item.action == SyncAction::verify || item.action == SyncAction::remove;
}

/// What a run of the command did, or would do.
struct Tally {
  std::uint64_t copied = 0, bytes = 0, resumed = 0, kept = 0, removed = 0;
  std::vector<std::string> broken;
  Json items = Json::array();
  std::string text() const {
    return cat(copied, copied == 1 ? " item" : " items", " (", human_bytes(bytes), ") copied and verified",
               resumed > 0 ? cat(", ", human_bytes(resumed), " of it by earlier tries") : "", ", ", kept, " unchanged",
               removed > 0 ? cat(", ", removed, " removed") : "",
               broken.empty() ? "" : cat(", ", broken.size(), " broken and not copied"));
  }
  Json json(const std::string& command) const {
    return {{"command", command}, {"copied", copied},   {"bytes", bytes},   {"resumed_bytes", resumed},
            {"unchanged", kept},  {"removed", removed}, {"broken", broken}, {"items", items}};
  }
};

std::vector<Work> plan(const std::vector<SyncTarget>& targets, bool push, const store::SyncOptions& how) {
  std::vector<Work> all;
  for (const SyncTarget& target : targets) {
    Work work{target, push ? target.scratch : target.project, push ? target.project : target.scratch, {}};
    if (!fs::exists(work.from)) {
      throw DataError(cat(target.name, " is not ", push ? "on scratch" : "on project storage", ": no ", work.from.string()));
    }
    std::error_code error;
    if (fs::equivalent(work.from, work.to, error)) continue;  // both storages are one
    work.items = store::plan_sync(work.from, work.to, how);
    all.push_back(std::move(work));
  }
  return all;
}

std::string shown(const Work& work, const SyncItem& item) {
  return item.path == "." ? work.target.name : (fs::path(work.target.name) / item.path).string();
}

/// Copies what is to be copied; broken checkpoints are named and passed over, other failures end it.
Tally copy(const std::vector<Work>& all, store::SyncOptions how, Progress& progress) {
  constexpr std::uint64_t kUnit = 1000;
  std::uint64_t total = 0, done = 0;
  for (const Work& work : all) {
    for (const SyncItem& item : work.items) total += is_work(item) ? item.bytes : 0;
  }
  Tally tally;
  std::string now;
  how.on_bytes = [&](std::uint64_t more) { progress.advance((done += more) / kUnit, now); };
  progress.begin("copying", total / kUnit, "kB");
  for (const Work& work : all) {
    store::remove_orphan_parts(work.from, work.to);
    for (const SyncItem& item : work.items) {
      now = shown(work, item);
      Json line{{"item", now}, {"action", store::action_name(item.action)}, {"bytes", item.bytes}, {"why", item.why}};
      if (item.action == SyncAction::keep) {
        ++tally.kept;
        continue;
      }
      try {
        const store::Copied copied = store::apply_sync(work.from, work.to, item, how);
        if (item.action == SyncAction::remove) ++tally.removed;
        else if (copied.copied) ++tally.copied, tally.bytes += copied.bytes, tally.resumed += copied.resumed;
        else ++tally.kept;
        log::debug(cat(store::action_name(item.action), " ", now, " (", human_bytes(item.bytes), ")"));
      } catch (const DataError& error) {
        tally.broken.push_back(cat(now, ": ", error.what()));
        log::warn(error.what());
        line["action"] = "skip";
        line["why"] = error.what();
      }
      tally.items.push_back(std::move(line));
    }
  }
  progress.end();
  return tally;
}

int tell_plan(const std::vector<Work>& all, const std::string& command, bool as_json) {
  Tally tally;
  std::ostringstream out;
  for (const Work& work : all) {
    for (const SyncItem& item : work.items) {
      tally.items.push_back(
          {{"item", shown(work, item)}, {"action", store::action_name(item.action)}, {"bytes", item.bytes}, {"why", item.why}});
      if (item.action == SyncAction::keep) ++tally.kept;
      if (item.action == SyncAction::copy) ++tally.copied, tally.bytes += item.bytes;
      if (item.action == SyncAction::remove) ++tally.removed;
      if (item.action == SyncAction::skip) tally.broken.push_back(cat(shown(work, item), ": ", item.why));
      if (item.action != SyncAction::keep) {
        out << std::left << std::setw(7) << store::action_name(item.action) << std::right << std::setw(10)
            << human_bytes(item.bytes) << "  " << shown(work, item) << "  (" << item.why << ")\n";
      }
    }
  }
  if (as_json) {
    Json json = tally.json(command);
    json["dry_run"] = true;
    std::cout << json.dump() << std::endl;
  } else {
    std::cout << out.str() << "would copy " << tally.copied << (tally.copied == 1 ? " item (" : " items (")
              << human_bytes(tally.bytes) << "), " << tally.kept << " unchanged\n"
              << std::flush;
  }
  return kExitDone;
}

/// A run that is being trained is not written to: a pull locks its folder, as training does.
std::vector<std::unique_ptr<store::Lock>> lock_runs(const std::vector<SyncTarget>& targets) {
  std::vector<std::unique_ptr<store::Lock>> locks;
  for (const SyncTarget& target : targets) {
    fs::path run = target.scratch;  // also of a checkpoint or file in it
    while (run.has_relative_path() && run.parent_path().filename() != "runs") run = run.parent_path();
    if (target.kind == "run") run = target.scratch;
    else if (!run.has_relative_path()) continue;
    fs::create_directories(run);
    locks.push_back(std::make_unique<store::Lock>(run / store::kRunLockFile, "dltonic sync pull"));
  }
  return locks;
}

int transfer(const SyncArguments& arguments, bool push) {
  const std::string command = push ? "push" : "pull";
  const auto dirs = config::storage_dirs();
  auto targets = arguments.words.empty() && push ? all_runs(dirs) : find_targets(arguments.words, dirs);
  if (arguments.words.empty()) std::erase_if(targets, [](const SyncTarget& t) { return !fs::exists(t.scratch); });
  if (arguments.words.empty() && !push)
    throw ConfigError("name what to pull: a run, a data set or a path; dltonic sync status lists them");
  stop::on_signals("sync " + command);
  store::SyncOptions how;
  how.checksum = arguments.checksum;
  how.remove_extra = arguments.remove;
  how.stop = [] { return stop::wished(); };
  if (arguments.dry_run) return tell_plan(plan(targets, push, how), command, arguments.as_json);
  const auto locks = push ? std::vector<std::unique_ptr<store::Lock>>{} : lock_runs(targets);
  const auto progress = report::make_progress(arguments.progress);
  Tally tally;
  try {
    tally = copy(plan(targets, push, how), how, *progress);
  } catch (const StopError&) {
    throw StopError(cat("stopped by ", stop::reason(), ": what was copied stays; the same command goes on from there"));
  }
  if (arguments.as_json) std::cout << tally.json(command).dump() << std::endl;
  else std::cout << tally.text() << std::endl;
  if (!tally.broken.empty()) throw DataError(cat(tally.broken.size(), " of what was named is broken and was not copied"));
  return kExitDone;
}

/// Pushes again and again until it is told to stop.
int watch(const SyncArguments& arguments) {
  const auto dirs = config::storage_dirs();
  stop::on_signals("sync watch");
  store::SyncOptions how;
  how.checksum = arguments.checksum;
  how.stop = [] { return stop::wished(); };
  Progress quiet;
  std::uint64_t copied = 0, bytes = 0;
  std::string failure;
  log::info(cat("copies to ", dirs.project.string(), " every ", arguments.interval_s, " s, until it is interrupted"));
  while (!stop::wished()) {
    try {
      auto targets = arguments.words.empty() ? all_runs(dirs) : find_targets(arguments.words, dirs);
      std::erase_if(targets, [](const SyncTarget& t) { return !fs::exists(t.scratch); });
      const Tally tally = copy(plan(targets, true, how), how, quiet);
      if (tally.copied > 0) log::info(tally.text());
      copied += tally.copied;
      bytes += tally.bytes;
      if (!failure.empty()) log::info("project storage takes copies again");
      failure.clear();
    } catch (const StopError&) {
      break;
    } catch (const StorageError& error) {
      if (failure.empty()) log::warn(cat(error.what(), "; it is tried again"));
      failure = error.what();
    } catch (const DataError& error) {
      log::debug(error.what());  // removed between the look and the copy
    }
    for (double waited_s = 0; waited_s < arguments.interval_s && !stop::wished(); waited_s += 0.1)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (arguments.as_json) {
    std::cout << Json{{"command", "watch"}, {"copied", copied}, {"bytes", bytes}, {"stopped_by", stop::reason()}}.dump()
              << std::endl;
  } else {
    std::cout << copied << (copied == 1 ? " item (" : " items (") << human_bytes(bytes) << ") copied and verified" << std::endl;
  }
  if (!failure.empty()) throw StorageError(cat("not all is safe: ", failure));
  return kExitDone;
}

std::uint64_t bytes_of(const fs::path& path) {
  if (!fs::exists(path)) return 0;
  std::uint64_t sum = 0;
  for (const SyncItem& item : store::plan_sync(path, {})) sum += item.bytes;
  return sum;
}

/// -1: none.
std::int64_t newest_step(const fs::path& run) {
  for (const auto& entry : store::CheckpointStore(run / "checkpoints").list()) {
    if (entry.good()) return entry.step;
  }
  return -1;
}

Json describe(const SyncTarget& target, const store::SyncOptions& how) {
  const bool here = fs::exists(target.scratch), there = fs::exists(target.project);
  Json out{{"kind", target.kind},
           {"name", target.name},
           {"scratch_bytes", bytes_of(target.scratch)},
           {"project_bytes", bytes_of(target.project)}};
  if (target.kind == "run") {
    out["scratch_step"] = newest_step(target.scratch);
    out["project_step"] = newest_step(target.project);
    if (const auto holder = store::living_holder(target.scratch / store::kRunLockFile))
      out["in_use"] = cat("process ", holder->process, " on ", holder->host, ", ", holder->what, " since ", holder->since);
  }
  std::error_code error;
  if (here && there && fs::equivalent(target.scratch, target.project, error)) {
    out["state"] = "one place";
    return out;
  }
  std::uint64_t to_copy = 0, to_verify = 0, broken = 0, bytes = 0;
  // A data set is made on project storage and copied to scratch; all else goes the other way.
  const bool pulls = target.kind == "data";
  const fs::path &from = pulls ? target.project : target.scratch, &to = pulls ? target.scratch : target.project;
  if (here && there) {
    for (const SyncItem& item : store::plan_sync(from, to, how)) {
      to_copy += item.action == SyncAction::copy;
      to_verify += item.action == SyncAction::verify;
      broken += item.action == SyncAction::skip;
      if (item.action == SyncAction::copy) bytes += item.bytes;
    }
  }
  out["to_copy"] = to_copy;
  out["bytes_to_copy"] = bytes;
  out["unverified"] = to_verify;
  out["broken"] = broken;
  out["state"] = !there      ? "only on scratch"
                 : !here     ? "only on project storage"
                 : to_copy   ? "differs"
                 : to_verify ? "same sizes and times, not verified"
                             : "verified";
  return out;
}

int status(const SyncArguments& arguments) {
  const auto dirs = config::storage_dirs();
  auto targets = arguments.words.empty() ? all_runs(dirs) : find_targets(arguments.words, dirs);
  if (arguments.words.empty()) {
    auto data = all_data(dirs);
    targets.insert(targets.end(), data.begin(), data.end());
  }
  store::SyncOptions how;
  how.checksum = arguments.checksum;
  Json all = Json::array();
  for (const SyncTarget& target : targets) all.push_back(describe(target, how));
  if (arguments.as_json) {
    std::cout << Json{{"scratch", dirs.scratch.string()}, {"project", dirs.project.string()}, {"targets", all}}.dump()
              << std::endl;
    return kExitDone;
  }
  std::size_t width = 4;
  for (const Json& one : all) width = std::max(width, one["name"].get<std::string>().size());
  const auto cell = [](const Json& one, const std::string& place) {
    std::string text = one[place + "_bytes"] == 0 ? "-" : human_bytes(one[place + "_bytes"]);
    const std::int64_t step = one.value(place + "_step", std::int64_t{-1});
    if (step >= 0) text += cat(", step ", step);
    return text;
  };
  std::cout << std::left << std::setw(6) << "kind" << std::setw(static_cast<int>(width) + 2) << "name" << std::setw(26)
            << "scratch" << std::setw(26) << "project storage"
            << "state\n";
  for (const Json& one : all) {
    std::string state = one["state"];
    if (state == "differs") state = cat(one["to_copy"], " to copy (", human_bytes(one["bytes_to_copy"]), ")");
    if (one.value("broken", 0) > 0) state += cat(", ", one["broken"], " broken");
    if (one.contains("in_use")) state += cat("; in use by ", one["in_use"].get<std::string>());
    std::cout << std::setw(6) << one["kind"].get<std::string>() << std::setw(static_cast<int>(width) + 2)
              << one["name"].get<std::string>() << std::setw(26) << cell(one, "scratch") << std::setw(26)
              << cell(one, "project") << state << "\n";
  }
  std::cout << std::flush;
  return kExitDone;
}

}  // namespace

void add_sync(CLI::App& cli, Run& run) {
  auto* command =
      cli.add_subcommand("sync", "copy runs, data sets and checkpoints between scratch and project storage, verified");
  command->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& doc, int (*work)(const SyncArguments&)) {
    auto* sub = command->add_subcommand(name, doc);
    auto arguments = std::make_shared<SyncArguments>();
    sub->add_option("what", arguments->words, "RUN, DATASET or PATH ...");
    sub->add_flag("--checksum", arguments->checksum, "compare contents, not only sizes and times");
    sub->add_flag("--json", arguments->as_json, "print one JSON object on the last line of standard output");
    if (name == "push" || name == "pull") {
      sub->add_flag("--dry-run", arguments->dry_run, "list what would be copied, with sizes, and copy nothing");
      sub->add_flag("--delete", arguments->remove, "remove at the destination what the source does not have");
      sub->add_option("--progress", arguments->progress, "auto, bar, lines, off")->capture_default_str();
    }
    if (name == "watch") {
      sub->add_option("--interval", arguments->interval_s, "seconds between two looks")
          ->check(CLI::PositiveNumber)
          ->capture_default_str();
    }
    sub->callback([=, &run] {
      run = [=](comm::World& world) {
        int code = kExitDone;
        world.agree("sync", [&] {
          if (world.is_root()) code = work(*arguments);
        });
        return code;
      };
    });
  };
  add("push", "scratch to project storage; all runs where nothing is named",
      [](const SyncArguments& a) { return transfer(a, true); });
  add("pull", "project storage to scratch", [](const SyncArguments& a) { return transfer(a, false); });
  add("status", "what lies where, and whether it is verified", status);
  add("watch", "push again and again until interrupted", watch);
}

}  // namespace dltonic::app
