#include "dltonic/store/staging.h"

#include <chrono>
#include <thread>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/store/sync.h"
#include "store/eviction.h"
#include "store/space.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr double kBaseLimit_s = 120, kSlowestBytesPerSecond = 2e6;  ///< slower than this is stuck
constexpr std::uint64_t kLeaseBytes = 65536;                        ///< room for small files of our own
constexpr double kEvicted_s = 1;  ///< longer than a file is away whose lease is seen when its name is gone already
constexpr int kRooms = 3;         ///< tries, where others fill the disk meanwhile

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

void copy_with_room(const fs::path& from, const fs::path& to, comm::Phase& phase, Staged& staged) {
  const SyncOptions how{.growing = false,
                        .keep_part = false,
                        .on_bytes = [&](std::uint64_t) { phase.alive(); },
                        .stop = [] { return stop::wished(); }};
  std::error_code error;
  if (fs::equivalent(from, to, error)) return;
  make_directories(folder_of(to));
  for (int attempt = 1;; ++attempt) {
    try {
      if (!fs::exists(to, error)) make_room(folder_of(to), folder_of(from), staged.bytes + kLeaseBytes);
      // Before the look at the copy: who evicts looks for leases last (eviction.cpp).
      staged.lease = std::make_shared<const Lease>(to);
      staged.copied = sync_file(from, to, how).copied;
      note_use(to);
      return;
    } catch (const DiskFull& full) {
      staged.lease.reset();
      if (attempt < kRooms && free_bytes(folder_of(to)) < staged.bytes + kLeaseBytes &&
          make_room(folder_of(to), folder_of(from), staged.bytes + kLeaseBytes))
        continue;
      const std::string hint = removable_by_hand(folder_of(to), folder_of(from));
      throw StorageError(cat(full.what(), hint.empty() ? "" : cat("; on scratch lie", hint)));
    }
  }
}

}  // namespace

Staged stage_file(comm::World& world, const fs::path& from, const fs::path& to) {
  const Stopwatch watch;
  std::error_code unknown;
  const auto size = fs::file_size(from, unknown);
  auto phase = world.phase("staging " + from.string(),
                           kBaseLimit_s + (unknown ? 0.0 : static_cast<double>(size) / kSlowestBytesPerSecond));
  Staged staged{.path = to};
  world.agree("staging " + from.string(), [&] {
    std::error_code error;
    staged.bytes = fs::file_size(from, error);
    if (error) throw DataError(cat("cannot stage ", from.string(), ": ", error.message()));
    if (world.local_rank() == 0) copy_with_room(from, to, phase, staged);
  });
  // Also tells the other ranks of the host, and catches a scratch that they do not see.
  const auto copiers = world.gather(staged.copied ? world.host() : std::string());
  for (const std::string& host : copiers) staged.copied = staged.copied || host == world.host();
  world.agree("staging " + from.string(), [&] {
    std::error_code error;
    auto bytes = fs::file_size(to, error);
    for (const Stopwatch waited; error && waited.seconds() < kEvicted_s;) {  // a job that makes room puts it back
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      bytes = fs::file_size(to, error);
    }
    if (error || bytes != staged.bytes)
      throw StorageError(cat("staging ", from.string(), ": ", to.string(), " has ",
                             error ? error.message() : cat(bytes, " bytes"), ", ", staged.bytes, " expected"));
  });
  staged.seconds = watch.seconds();
  return staged;
}

}  // namespace dltonic::store
