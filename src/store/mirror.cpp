#include "dltonic/store/mirror.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/sync.h"
#include "store/ledger.h"
#include "store/part_file.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr double kFirstRetry_s = 1, kLastRetry_s = 60, kRetryAtEnd_s = 5;
constexpr double kEndWait_s = 5;       ///< for a thread whose storage may not answer
constexpr double kSlow_s = 60;         ///< a copy that takes longer, when the next checkpoint comes, is worth a word
constexpr double kPassesShare = 0.1;   ///< of the time, at most, for looking through files that grow
constexpr double kMostIntervals = 10;  ///< but never less often than this
constexpr int kNice = 5;               ///< below the process's own: training goes before copying

constexpr const char* kMarkers[] = {"latest", "best"};

fs::path checkpoints_of(const fs::path& run) { return run / "checkpoints"; }

bool is_marker(const SyncItem& item) {
  return std::any_of(std::begin(kMarkers), std::end(kMarkers),
                     [&](const char* marker) { return item.path == fs::path("checkpoints") / marker; });
}

}  // namespace

void MirrorOptions::bind(config::Section& s) {
  s.key("mirror", mirror,
        "copy the run's folder to $PROJECT_STORAGE_DIR in the background, verified; without effect where run.dir lies there");
  s.key("mirror_interval_s", mirror_interval_s, "time between copies of metrics.jsonl, log.txt and other files that grow")
      .unit("s")
      .above(0);
  s.key("mirror_wait_s", mirror_wait_s, "longest wait at the end of a run for copies that are not done").unit("s").min(0);
  s.key("mirror_stop_wait_s", mirror_stop_wait_s, "the same after a stop signal").unit("s").min(0);
}

/// Shared with the thread, which outlives the mirror where storage does not answer.
struct Mirror::State {
  State(fs::path run_folder, fs::path copy_folder, const MirrorOptions& mirror_options, Journal& its_journal)
      : run(std::move(run_folder)), copy(std::move(copy_folder)), options(mirror_options), journal(&its_journal) {}

  void work();
  bool break_off(double wait_s);  ///< true where the thread has ended
  void pass();
  void look_for_storage();
  std::map<std::string, std::string> marked() const;
  void mark_copies(const std::map<std::string, std::string>& names) const;
  bool copy_item(const SyncItem& item);
  void verified(const std::string& name, const std::string& checksum);
  void look_at_copies();
  void remove_given_up();
  void failed(const std::string& why);
  std::vector<SyncItem> open_items();
  bool should_stop() {
    const std::lock_guard lock(mutex);
    return abandoned;
  }

  const fs::path run, copy;
  const MirrorOptions options;
  dev_t device = 0;  ///< of project storage, when it was there first; 0: not seen yet

  std::thread thread;
  std::mutex mutex;  ///< guards all that follows
  std::condition_variable changed;
  Journal* journal;  ///< not to be touched once abandoned
  bool wished = false, finishing = false, complete = false, abandoned = false, ended = false;
  std::set<std::string> given_up;
  std::string busy;  ///< checkpoint that is being read
  double busy_since_s = 0;
  std::vector<MirroredCheckpoint> copies;
  std::map<fs::path, Stamp> done;  ///< plain files, as they were when they were copied
  std::set<std::string> told_broken;
  std::set<fs::path> parts;  ///< that copies which were not finished may have left
  std::uint64_t bytes = 0;   ///< copied or found equal since the start
  std::string failure;       ///< why the last pass ended early; "" where it did not
  bool slow = false;
};

Mirror::Mirror(fs::path run, fs::path copy, const MirrorOptions& options, Journal& journal)
    : state_(std::make_shared<State>(std::move(run), std::move(copy), options, journal)) {
  state_->thread = std::thread([state = state_] { state->work(); });
}

bool Mirror::State::break_off(double wait_s) {
  std::unique_lock lock(mutex);
  abandoned = true;
  changed.notify_all();
  return changed.wait_for(lock, std::chrono::duration<double>(wait_s), [&] { return ended; });
}

Mirror::~Mirror() {
  if (state_->break_off(kEndWait_s)) state_->thread.join();
  else state_->thread.detach();
}

void Mirror::break_off(double wait_s) { state_->break_off(wait_s); }

void Mirror::wish(const fs::path& checkpoint) {
  std::string slow;
  {
    const std::lock_guard lock(state_->mutex);
    state_->wished = true;
    if (!state_->busy.empty() && !state_->slow && steady_seconds() - state_->busy_since_s > kSlow_s) {
      state_->slow = true;
      slow = cat("project storage is slow: the copy of ", state_->busy, " has taken ",
                 human_seconds(steady_seconds() - state_->busy_since_s), ", and ", checkpoint.filename().string(),
                 " waits; training goes on");
    }
  }
  state_->changed.notify_all();
  if (!slow.empty()) log::warn(slow);
}

void Mirror::prune(const std::vector<std::string>& names) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->given_up.insert(names.begin(), names.end());
    state_->wished = true;
  }
  state_->changed.notify_all();
}

bool Mirror::copying(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  return state_->busy == name;
}

std::vector<MirroredCheckpoint> Mirror::copies() const {
  const std::lock_guard lock(state_->mutex);
  return state_->copies;
}

void Mirror::State::work() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), std::min(19, ::getpriority(PRIO_PROCESS, 0) + kNice));
  double pause_s = 0, retry_s = kFirstRetry_s;
  for (;;) {
    {
      std::unique_lock lock(mutex);
      const bool waits_for_storage = !failure.empty();
      if (finishing) pause_s = std::min(pause_s, waits_for_storage ? kRetryAtEnd_s : 0.0);
      const auto is_called = [&] { return abandoned || (!waits_for_storage && (wished || finishing)); };
      const bool was_finishing = finishing;
      changed.wait_for(lock, std::chrono::duration<double>(pause_s),
                       [&] { return is_called() || (finishing && !was_finishing); });
      if (abandoned || complete) break;
      wished = false;
    }
    const Stopwatch watch;
    try {
      pass();
      retry_s = kFirstRetry_s;
      pause_s =
          std::clamp(watch.seconds() / kPassesShare, options.mirror_interval_s, kMostIntervals * options.mirror_interval_s);
    } catch (const StopError&) {
      continue;
    } catch (const std::exception& error) {
      failed(error.what());
      pause_s = retry_s;
      retry_s = std::min(2 * retry_s, kLastRetry_s);
    }
  }
  std::set<fs::path> left;
  {
    const std::lock_guard lock(mutex);
    if (!finishing) left = parts;  // after finish() they are what `dltonic sync push` goes on from
  }
  std::error_code ignored;
  for (const fs::path& part : left) fs::remove_all(part, ignored);
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

void Mirror::State::failed(const std::string& why) {
  bool is_new = false;
  {
    const std::lock_guard lock(mutex);
    is_new = failure.empty();
    failure = why;
  }
  if (is_new) log::warn(cat("project storage takes no copies of this run (", why, "); training goes on, it is tried again"));
}

/// A file system that is not mounted leaves an empty folder in its place: nothing is written there.
void Mirror::State::look_for_storage() {
  const fs::path folder = copy.parent_path();
  if (device == 0) make_directories(folder);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) throw StorageError(cat(folder.string(), " is gone"));
  if (device == 0) device = status.st_dev;
  if (status.st_dev != device)
    throw StorageError(cat(folder.string(), " lies on another file system than before; is it mounted?"));
}

/// What markers name now, which is what is copied first from now on.
std::map<std::string, std::string> Mirror::State::marked() const {
  std::map<std::string, std::string> names;
  for (const char* marker : kMarkers) {
    if (const auto checkpoint = CheckpointStore(checkpoints_of(run)).marker(marker)) names[marker] = checkpoint->filename();
  }
  return names;
}

/// Markers of the copy name those that have come. Those of the run may be farther already.
void Mirror::State::mark_copies(const std::map<std::string, std::string>& names) const {
  const CheckpointStore there(checkpoints_of(copy));
  for (const auto& [marker, name] : names) {
    const fs::path checkpoint = there.folder() / name;
    if (fs::is_directory(checkpoint) && there.marker(marker) != checkpoint) there.set_marker(marker, checkpoint);
  }
}

/// Copies all there is to copy. Leaves checkpoints for later where a new one came meanwhile, so that the newest is served
/// first; each pass copies one at least, marks it and tidies up, however fast checkpoints come.
void Mirror::State::pass() {
  look_for_storage();
  remove_orphan_parts(run, copy);
  bool worked = false, cut_short = false;
  const auto marks = marked();
  for (const SyncItem& item : plan_sync(run, copy)) {
    cut_short = is_marker(item) && marked() != marks;  // it names one that has not come
    if (cut_short) break;
    worked = copy_item(item) || worked;
    const std::lock_guard lock(mutex);
    if (abandoned) return;
    cut_short = wished && item.is_checkpoint && item.action != SyncAction::keep;
    if (cut_short) break;
  }
  mark_copies(marks);
  look_at_copies();
  remove_given_up();
  bool was_failing = false, was_slow = false;
  {
    const std::lock_guard lock(mutex);
    was_failing = !failure.empty();
    was_slow = slow;
    failure.clear();
    slow = false;
    if (finishing && !worked && !cut_short && !was_failing && !was_slow) complete = true;
    changed.notify_all();
  }
  if (was_failing) log::info("project storage takes copies again");
  if (was_slow) log::info("project storage has caught up");
}

/// True where something had to be done.
bool Mirror::State::copy_item(const SyncItem& item) {
  const std::string name = item.path.filename().string();
  if (item.action == SyncAction::skip) {
    bool is_new = false;
    {
      const std::lock_guard lock(mutex);
      is_new = told_broken.insert(item.path.string()).second;
    }
    if (is_new) log::warn(cat((run / item.path).string(), " is not copied to project storage: ", item.why));
    return false;
  }
  if (item.is_checkpoint) {
    const std::lock_guard lock(mutex);
    if (given_up.contains(name) || told_broken.contains(item.path.string())) return false;
    busy = name;
    busy_since_s = steady_seconds();
  }
  struct NotBusy {
    ~NotBusy() {
      const std::lock_guard lock(state.mutex);
      state.busy.clear();
    }
    State& state;
  } not_busy{*this};

  const fs::path part = part_file(copy / item.path);
  {
    const std::lock_guard lock(mutex);
    parts.insert(part);  // also of what was equal when it was looked at: it may have changed since
  }
  SyncOptions how;
  how.anchor = copy.parent_path();
  how.stop = [this] { return should_stop(); };
  how.on_bytes = [this](std::uint64_t more) {
    fail_at(fault::kDuringSync);
    const std::lock_guard lock(mutex);
    bytes += more;
  };
  try {
    const auto before = item.is_checkpoint ? std::nullopt : stamp_of(run / item.path);
    const Copied copied = apply_sync(run, copy, item, how);
    if (item.is_checkpoint) verified(name, copied.checksum);
    const std::lock_guard lock(mutex);
    if (before) done[item.path] = *before;
    parts.erase(part);
    return copied.copied;
  } catch (const StopError&) {
    throw;
  } catch (const std::exception& error) {
    std::error_code ignored;
    if (!fs::exists(run / item.path, ignored)) {  // given up on scratch between the look and the copy
      fs::remove_all(part, ignored);
      return true;
    }
    if (!item.is_checkpoint || dynamic_cast<const DataError*>(&error) == nullptr) throw;
    {
      const std::lock_guard lock(mutex);
      told_broken.insert(item.path.string());
    }
    log::warn(error.what());
    return true;
  }
}

void Mirror::State::verified(const std::string& name, const std::string& checksum) {
  const std::lock_guard lock(mutex);
  if (abandoned || journal->verified(name, Place::project)) return;
  try {
    journal->record(name, Place::project, checksum);
  } catch (const StorageError& error) {
    log::warn_once(error.what());  // scratch is full: less is known than is true, so nothing is pruned that should not be
  }
}

void Mirror::State::look_at_copies() {
  std::map<std::string, std::string> known;
  {
    const std::lock_guard lock(mutex);
    for (const auto& one : copies) known[one.name] = one.metrics;
  }
  std::vector<MirroredCheckpoint> found;
  for (const auto& entry : CheckpointStore(checkpoints_of(copy)).list()) {
    if (!entry.good()) continue;
    const auto it = known.find(entry.name);
    found.push_back(
        {entry.name, entry.step, it != known.end() ? it->second : CheckpointStore::part(entry.path, "metrics"), false});
  }
  const std::lock_guard lock(mutex);
  if (abandoned) return;
  for (auto& one : found) one.verified = journal->verified(one.name, Place::project);
  copies = std::move(found);
}

void Mirror::State::remove_given_up() {
  const auto here = CheckpointStore(checkpoints_of(run)).list();
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex);
    if (abandoned) return;
    const auto newest = std::find_if(here.begin(), here.end(), [](const CheckpointEntry& e) { return e.good(); });
    if (newest != here.end() && !journal->verified(newest->name, Place::project)) return;
    std::set<std::string> there;
    for (const auto& one : copies) there.insert(one.name);
    std::erase_if(given_up, [&](const std::string& name) { return !there.contains(name); });
    // Scratch may be wiped at any time: one that is verified stays here, whatever scratch has.
    auto left = std::count_if(copies.begin(), copies.end(), [](const MirroredCheckpoint& one) { return one.verified; });
    for (const std::string& name : given_up) {
      const bool counts = journal->verified(name, Place::project);
      if ((counts && left <= 1) || !journal->may_remove(name, Place::project)) continue;
      left -= counts ? 1 : 0;
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    CheckpointStore::remove(checkpoints_of(copy) / name);
    const std::lock_guard lock(mutex);
    if (abandoned) return;
    given_up.erase(name);
    std::erase_if(copies, [&](const MirroredCheckpoint& one) { return one.name == name; });
    if (journal->verified(name, Place::project)) journal->forget(name, Place::project);
  }
}

/// What is not safe, by what this process knows: project storage, which may not answer, is not asked.
std::vector<SyncItem> Mirror::State::open_items() {
  std::vector<SyncItem> open;
  for (SyncItem& item : plan_sync(run, {})) {
    const auto stamp = stamp_of(run / item.path);
    const std::lock_guard lock(mutex);
    const std::string name = item.path.filename().string();
    if (item.action == SyncAction::skip || told_broken.contains(item.path.string())) continue;
    if (item.is_checkpoint ? journal->verified(name, Place::project) || given_up.contains(name)
                           : done.contains(item.path) && done[item.path] == stamp)
      continue;
    open.push_back(std::move(item));
  }
  std::stable_partition(open.begin(), open.end(), [](const SyncItem& item) { return item.is_checkpoint; });
  return open;
}

MirrorOutcome Mirror::finish(double wait_s, Progress& progress) {
  const Stopwatch watch;
  const auto sum = [](const std::vector<SyncItem>& items) {
    std::uint64_t bytes = 0;
    for (const SyncItem& item : items) bytes += item.bytes;
    return bytes;
  };
  constexpr std::uint64_t kUnit = 1000;
  const std::uint64_t total = sum(state_->open_items());
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(state_->mutex);
    state_->finishing = true;
    before = state_->bytes;
  }
  state_->changed.notify_all();
  progress.begin("copying the run to project storage", total / kUnit, "kB");
  for (;;) {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return state_->complete || state_->ended; });
    const double limit_s = state_->failure.empty() ? wait_s : wait_s / 10;
    if (state_->complete || state_->ended || watch.seconds() >= limit_s) break;
    const std::uint64_t copied = std::min(state_->bytes - before, total);
    lock.unlock();
    progress.advance(copied / kUnit);
  }
  progress.end();
  MirrorOutcome outcome;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->complete) return outcome;
    outcome.reason = state_->failure;
  }
  const auto open = state_->open_items();
  for (const SyncItem& item : open) outcome.open.push_back(item.path.string());
  outcome.open_bytes = sum(open);
  if (outcome.reason.empty()) outcome.reason = cat("no time left after ", human_seconds(watch.seconds()));
  return outcome;
}

std::string describe_open(const MirrorOutcome& outcome, const std::string& run) {
  constexpr std::size_t kNamed = 4;
  std::vector<std::string> named(outcome.open.begin(),
                                 outcome.open.begin() + static_cast<std::ptrdiff_t>(std::min(kNamed, outcome.open.size())));
  if (outcome.open.size() > kNamed) named.push_back(cat("and ", outcome.open.size() - kNamed, " more"));
  return cat("not yet safe on project storage: ", join(named), " (", human_bytes(outcome.open_bytes), "; ", outcome.reason,
             "); copy them with  dltonic sync push ", run);
}

}  // namespace dltonic::store
