/// A run and the two storages: its folder is locked while it trains, goes on from the newest good checkpoint of both places,
/// and is mirrored to project storage.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "app/run_config.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/store/journal.h"
#include "dltonic/store/lock.h"
#include "dltonic/store/mirror.h"

namespace dltonic::app {

/// Where a run's copy lies: the same place below project storage that the run has below scratch; for a run elsewhere
/// runs/<name of its folder>. Nothing where the run lies on project storage itself.
std::optional<std::filesystem::path> copy_of_run(const std::filesystem::path& run_dir, const config::StorageDirs& dirs);

class RunStorage {
 public:
  /// Makes and locks the run's folder (and its copy on project storage). ConfigError, agreed, where another job works there.
  /// collective
  RunStorage(comm::World& world, const RunConfig& config);

  /// Before the run's checkpoints are looked at. With `resume`: where project storage has a newer good checkpoint than
  /// scratch, or a good copy of one that is broken on scratch, it is copied to scratch; broken ones are named; an empty run
  /// folder gets its other files back, too. Without: ConfigError where project storage holds checkpoints that scratch lacks.
  /// collective
  void restore(bool resume);

  /// Starts to mirror. Rank 0 has a journal always, a mirror where there is something to mirror; others have none.
  /// Any rank, alone.
  void start_mirror();
  store::Journal* journal() { return journal_.get(); }
  store::Mirror* mirror() { return mirror_.get(); }

  /// When nothing in the run's folder changes any more: waits for the mirror and says what is not safe. collective
  void finish(bool stopped, Progress& progress);

 private:
  void fetch();

  comm::World& world_;
  const RunConfig& config_;
  std::filesystem::path run_dir_;
  std::optional<std::filesystem::path> copy_;
  std::unique_ptr<store::Lock> lock_, copy_lock_;
  std::unique_ptr<store::Journal> journal_;
  std::unique_ptr<store::Mirror> mirror_;
  std::optional<comm::AbortHook> at_abort_;  ///< dies before the mirror
};

}  // namespace dltonic::app
