/// A run's folder on scratch, copied to project storage by a thread of its own while training goes on.
///
/// What is copied: checkpoints (each appears whole, newest first), then every other regular file of the run (those that grow
/// as consistent prefixes: metrics.jsonl and log.txt end with a line's end), then the markers `latest` and `best`. Every copy
/// is read back and compared by checksum. Plain files only: no HDF5 and no MPI.
///
/// Project storage that is slow, gone or full never stops training: one warning when it begins to fail, one line when it
/// answers again, tries in between with growing pauses.
///
/// How checkpoint policy uses it (rank 0; `mirror` may be null: nothing is mirrored):
///   after a save is durable        journal.record(name, Place::scratch, checksum); mirror->wish(path);
///   before removing on scratch     if (journal.may_remove(name, Place::scratch) && !mirror->copying(name))
///                                    CheckpointStore::remove(path), journal.forget(name, Place::scratch);
///                                  else leave it for the next time;
///   what the policy gives up       mirror->prune({name, ...});   // also copies that only project storage has, see copies()
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/core/progress.h"
#include "dltonic/store/journal.h"

namespace dltonic::store {

struct MirrorOptions {
  bool mirror = true;
  double mirror_interval_s = 20;
  double mirror_wait_s = 300;
  double mirror_stop_wait_s = 20;
  void bind(config::Section& s);
};

/// A checkpoint on project storage, as the mirror last saw it.
struct MirroredCheckpoint {
  std::string name;
  std::int64_t step = 0;
  std::string metrics;  ///< the manifest's part "metrics" (JSON text), for policies that keep the best; "" where unknown
  bool verified = false;
};

/// What finish() leaves behind.
struct MirrorOutcome {
  std::vector<std::string> open;  ///< paths below the run's folder that are not safe on project storage
  std::uint64_t open_bytes = 0;
  std::string reason;  ///< why, where a copy failed
  bool safe() const { return open.empty(); }
};

class Mirror {
 public:
  /// Starts the thread, which first looks at what is there already. `run` is the folder on scratch, `copy` the one on
  /// project storage (made when it is missing). The journal must outlive the mirror. Rank 0 only.
  Mirror(std::filesystem::path run, std::filesystem::path copy, const MirrorOptions& options, Journal& journal);
  /// Stops soon. A copy under way is broken off; after finish() its part file stays, and `dltonic sync push` goes on from it.
  /// Never waits for storage that does not answer: the thread is left to itself then.
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // All of these return at once, touch no storage, throw nothing, and may be called from any thread.

  /// A checkpoint (its folder on scratch) is complete and durable: it is copied as soon as may be. Of several wishes the
  /// newest is served first; one whose folder is gone by then is dropped.
  void wish(const std::filesystem::path& checkpoint);
  /// The policy gives these checkpoints up: their copies are removed from project storage, once the newest checkpoint that
  /// scratch has is verified there, and never the last one that is verified (Journal::may_remove).
  void prune(const std::vector<std::string>& names);
  /// True while this checkpoint is being read: it must not be removed from scratch now.
  bool copying(const std::string& name) const;
  /// What project storage holds, newest first, as last seen; empty before the first look.
  std::vector<MirroredCheckpoint> copies() const;

  /// Where the process is about to end: a copy under way is broken off and what it wrote is removed. Nothing is copied any
  /// more. Waits no longer than `wait_s` for storage that does not answer.
  void break_off(double wait_s);

  /// Copies what is left and ends the thread; nothing may change in the run's folder any more. Waits up to `wait_s` in all,
  /// but no longer than a tenth of it while project storage refuses every try. Says nothing itself: the caller tells what
  /// is not safe (describe_open).
  MirrorOutcome finish(double wait_s, Progress& progress);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// One line: how much is not yet safe on project storage, what, why, and the command that copies it.
std::string describe_open(const MirrorOutcome& outcome, const std::string& run);

}  // namespace dltonic::store
