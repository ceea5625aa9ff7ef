/// From a source of recordings or images to prepared files: every rank reads and frames its part of the items, all ranks
/// write together. The files' content does not depend on the number of ranks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/cache.h"
#include "dltonic/data/options.h"

namespace dltonic::data {

struct PrepareResult {
  PreparedFile file;
  bool cached = false;  ///< all was there already; nothing was read
  std::uint64_t samples = 0, recordings = 0, events = 0, bytes = 0;
  std::vector<std::string> skipped;  ///< "name: reason", with data.on_error skip
  double seconds = 0;
};

/// Writes the frames file, and the events file where options.store_events, into `<project>/data`. A good
/// file that is already there under its key is left alone, a damaged one is made anew (said). DataError for bad input (agreed
/// by all ranks), StorageError for a full disk; no half file stays behind. collective
PrepareResult prepare(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress);

}  // namespace dltonic::data
