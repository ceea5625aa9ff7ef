/// Verified copies from one storage to the other: files, checkpoints, and folder trees of both. The one way in which the
/// program copies; staging, the mirror and `dltonic sync` are uses of it.
///
/// A copy is read back and compared by checksum, and only then gets its name: written as `<name>.<host>-<process>.part`,
/// synced, renamed. Where a copy was broken off, the next one compares what the part file holds with the source, byte for byte,
/// and goes on where both part. Times are kept. What is there already is kept where its size and time are those that were noted
/// when it was verified (a hidden file `.dltonic-copies.jsonl` in each folder); what was never verified is compared by content.
/// A checkpoint is copied as a whole: its folder appears when all of it is there, and only if its state has the checksum that
/// its manifest names. Never copied: part and temporary files, locks, leases, links and the like.
///
/// Nothing here communicates, enters HDF5, or deletes at the destination unless asked. Thread-safe for different destinations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace dltonic::store {

struct SyncOptions {
  bool checksum = false;      ///< compare content where size and time say nothing has changed
  bool remove_extra = false;  ///< plan_sync also lists what only the destination has, to be removed
  bool growing = true;        ///< files may grow meanwhile: what they held at the start is copied; false: that is an error
  bool keep_part = true;      ///< a copy that fails leaves its part file for the next try (never on a full disk)
  /// Folder that is there: nothing above it is made, so that a file system that is not mounted is not written around.
  std::filesystem::path anchor{};
  std::function<void(std::uint64_t bytes)> on_bytes{};  ///< so many more bytes are done
  std::function<bool()> stop{};                         ///< asked between pieces; true: StopError is thrown
};

struct Copied {
  bool copied = false;        ///< false: the right content was there
  std::uint64_t bytes = 0;    ///< of the whole
  std::uint64_t resumed = 0;  ///< of these, taken over from a broken copy
  std::string checksum{};     ///< of the file; of a checkpoint's state; "" where nothing had to be read
};

/// Makes `to` a copy of the file `from`. Both may be the same file. Throws DataError (no such source, or it changes),
/// StorageError (destination: full, read-only, gone, or what was written is not what is read back), StopError.
Copied sync_file(const std::filesystem::path& from, const std::filesystem::path& to, const SyncOptions& options = {});

/// The same for a checkpoint's folder. DataError where the source is not a good checkpoint; a broken one at the destination
/// is replaced.
Copied sync_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to, const SyncOptions& options = {});

enum class SyncAction {
  keep,    ///< verified earlier, unchanged
  verify,  ///< looks the same, was never verified: content will be compared
  copy,
  remove,  ///< only at the destination
  skip     ///< the source is broken; `why` says how
};
const char* action_name(SyncAction action);

struct SyncItem {
  std::filesystem::path path;  ///< below the tree; "." where the tree is the item itself
  bool is_checkpoint = false;
  SyncAction action = SyncAction::copy;
  std::uint64_t bytes = 0;
  std::string why;  ///< "new", "changed", ...
};

/// What making `to` a copy of `from` (a file, a checkpoint, a folder) means, in the order in which it is to be done: plain
/// files, checkpoints from the newest on, then what lies beside checkpoints (markers). Looks at names, sizes and times, reads
/// contents only for options.checksum. An empty `to` stands for a place where nothing is. Throws DataError where `from` is
/// missing.
std::vector<SyncItem> plan_sync(const std::filesystem::path& from, const std::filesystem::path& to,
                                const SyncOptions& options = {});

/// Removes what copies and removals that were broken off left at `to` of checkpoints that `from` has no more: nobody will go
/// on with them. Parts of other processes that still run stay, and so do removals (and saves) while another process holds the
/// lock of `to`. Both are a run's folder; nothing happens where they are not.
void remove_orphan_parts(const std::filesystem::path& from, const std::filesystem::path& to);

/// Does one of them. Throws as sync_file and sync_checkpoint do; DataError for SyncAction::skip.
Copied apply_sync(const std::filesystem::path& from, const std::filesystem::path& to, const SyncItem& item,
                  const SyncOptions& options = {});

}  // namespace dltonic::store
