/// Copies prepared files from project storage to scratch, once a host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "dltonic/comm/world.h"

namespace dltonic::store {

struct Staged {
  std::filesystem::path path;  ///< what to read
  std::uint64_t bytes = 0;
  bool copied = false;  ///< false: a good copy was there already (on this host), or both places are one
  double seconds = 0;
};

/// Makes `to` a copy of `from` on every host: the first rank of each host copies under a name of its own, compares size and
/// sha256 with the source's, syncs and renames; the others wait. A copy of the same size and modification time stays as
/// it is. `from` and `to` may be the same file. Throws StorageError (scratch full: needed and free) or DataError (no such
/// file), agreed. collective
Staged stage_file(comm::World& world, const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dltonic::store
