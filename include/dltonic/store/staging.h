/// Copies prepared files from project storage to scratch, once a host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "dltonic/comm/world.h"
#include "dltonic/store/lock.h"

namespace dltonic::store {

struct Staged {
  std::filesystem::path path;  ///< what to read
  std::uint64_t bytes = 0;
  bool copied = false;  ///< false: a good copy was there already (on this host), or both places are one
  double seconds = 0;
  /// Keeps the copy from eviction by other jobs; on the first rank of each host, none where both places are one.
  std::shared_ptr<const Lease> lease{};
};

/// Makes `to` a verified copy of `from` (store/sync.h) on every host: the first rank of each copies, the others wait. `from`
/// and `to` may be the same file. Where the disk is full, prepared files beside `to` are removed, the longest unused first,
/// that lie beside `from` as well and that no running job holds; each is named in the log. Throws StorageError (scratch full:
/// needed, free, and what could be removed by hand), DataError (no such file) or StopError, agreed. collective
Staged stage_file(comm::World& world, const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dltonic::store
