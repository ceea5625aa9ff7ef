#include "app/run_storage.h"

#include <algorithm>
#include <map>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/sync.h"

namespace dltonic::app {
namespace {

namespace fs = std::filesystem;
constexpr double kFetchLimit_s = 1800, kEndLimit_s = 60, kAbortWait_s = 2;

/// `path` below `folder`; nothing where it lies elsewhere.
std::optional<fs::path> below(const fs::path& path, const fs::path& folder) {
  const fs::path found =
      fs::weakly_canonical(fs::absolute(path)).lexically_relative(fs::weakly_canonical(fs::absolute(folder)));
  if (found.empty() || *found.begin() == "..") return std::nullopt;
  return found;
}

bool has_checkpoints(const fs::path& run) {
  const auto entries = store::CheckpointStore(run / "checkpoints").list();
  return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.good(); });
}

/// What a killed job left of the run's small files; the folder is locked by this process. Halves of checkpoints stay: a broken
/// copy is gone on from, and the next save removes the rest.
void remove_half_files(const fs::path& run) {
  remove_temporaries(run);
  remove_temporaries(run / "checkpoints");
}

}  // namespace

std::optional<fs::path> copy_of_run(const fs::path& run_dir, const config::StorageDirs& dirs) {
  if (below(run_dir, dirs.project)) return std::nullopt;
  if (const auto place = below(run_dir, dirs.scratch)) return dirs.project / *place;
  return dirs.project / "runs" / fs::absolute(run_dir).lexically_normal().filename();
}

RunStorage::RunStorage(comm::World& world, const RunConfig& config)
    : world_(world), config_(config), run_dir_(config.run_dir()) {
  world_.agree("lock the run's folder", [&] {
    copy_ = copy_of_run(run_dir_, config_.dirs());
    if (!world_.is_root()) return;
    make_directories(run_dir_);
    lock_ = std::make_unique<store::Lock>(run_dir_ / store::kRunLockFile, "training");
    remove_half_files(run_dir_);
    if (!config_.storage.mirror || !copy_) {
      log::debug(
          cat(run_dir_.string(), " is not mirrored: ", copy_ ? "storage.mirror is false" : "it lies on project storage"));
      copy_.reset();
      return;
    }
    try {
      make_directories(*copy_);
      // Scratch may be each node's own: two jobs with one run meet on project storage.
      copy_lock_ = std::make_unique<store::Lock>(*copy_ / store::kRunLockFile, "training");
      remove_half_files(*copy_);
    } catch (const StorageError& error) {
      log::warn(cat(error.what(), "; training goes on, and copies are tried again"));
    }
  });
}

void RunStorage::restore(bool resume) {
  const auto phase = world_.phase("fetch checkpoints from project storage", kFetchLimit_s);
  world_.agree("look for checkpoints on project storage", [&] {
    if (!world_.is_root()) return;
    journal_ = std::make_unique<store::Journal>(run_dir_ / "checkpoints");
    if (!copy_) return;
    if (resume) {
      fetch();
    } else if (!has_checkpoints(run_dir_) && has_checkpoints(*copy_)) {
      throw ConfigError(cat("project storage already holds checkpoints of this run (", copy_->string(),
                            "); add --resume to go on from there, or give another run.dir or run.name"));
    }
  });
}

void RunStorage::fetch() {
  store::SyncOptions how;
  how.stop = [] { return stop::wished(); };
  struct Places {
    std::optional<store::CheckpointEntry> here, there;
  };
  const store::CheckpointStore here(run_dir_ / "checkpoints"), there(*copy_ / "checkpoints");
  using Age = std::tuple<std::int64_t, std::string, std::size_t, std::string>;  // as CheckpointStore::list sorts them
  std::map<Age, Places, std::greater<>> all;
  const auto age = [](const store::CheckpointEntry& e) { return Age{e.step, e.time, e.name.size(), e.name}; };
  for (const auto& entry : here.list()) all[age(entry)].here = entry;
  for (const auto& entry : there.list()) all[age(entry)].there = entry;
  const bool is_empty = here.list().empty();

  for (const auto& [ignored, places] : all) {
    std::string fault = "not there";
    if (places.here) {
      fault = places.here->good() ? store::CheckpointStore::verify(places.here->path) : places.here->fault;
      if (fault.empty()) break;  // the newest good one is on scratch
    }
    if (!places.there) continue;  // named when training looks for the newest good one
    const std::string copy_fault =
        places.there->good() ? store::CheckpointStore::verify(places.there->path) : places.there->fault;
    if (!copy_fault.empty()) {
      log::warn(cat("passed over a checkpoint: ", places.there->path.string(), ": ", copy_fault));
      continue;
    }
    const fs::path to = here.folder() / places.there->name;
    if (places.here)
      log::warn(cat("passed over a checkpoint: ", to.string(), ": ", fault, "; its copy on project storage is good"));
    store::sync_checkpoint(places.there->path, to, how);
    log::info(cat("fetched ", places.there->name, " from project storage"));
    break;
  }
  if (!is_empty) return;

  // Scratch was wiped, or the run goes on elsewhere: the files that grow, and the best checkpoint with its marker.
  if (const auto best = there.marker("best"); best && store::CheckpointStore::verify(*best).empty()) {
    store::sync_checkpoint(*best, here.folder() / best->filename(), how);
  }
  for (const auto& item : store::plan_sync(*copy_, run_dir_, how)) {
    if (!item.is_checkpoint && !fs::exists(run_dir_ / item.path)) store::apply_sync(*copy_, run_dir_, item, how);
  }
}

void RunStorage::start_mirror() {
  if (!world_.is_root() || !copy_) return;
  mirror_ = std::make_unique<store::Mirror>(run_dir_, *copy_, config_.storage, *journal_);
  at_abort_.emplace(world_, [this] { mirror_->break_off(kAbortWait_s); });
}

void RunStorage::finish(bool stopped, Progress& progress) {
  const double wait_s = stopped ? config_.storage.mirror_stop_wait_s : config_.storage.mirror_wait_s;
  const auto phase = world_.phase("copy the run to project storage", wait_s + kEndLimit_s);
  world_.agree("copy the run to project storage", [&] {
    if (!mirror_) return;
    const auto outcome = mirror_->finish(wait_s, progress);
    if (outcome.safe()) return;
    const bool is_known = fs::equivalent(run_dir_, config_.dirs().scratch / "runs" / run_dir_.filename());
    log::warn(store::describe_open(outcome, is_known ? run_dir_.filename().string() : run_dir_.string()));
  });
}

}  // namespace dltonic::app
