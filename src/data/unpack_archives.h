/// Archives that cannot be read in place are unpacked once, beside the prepared files.
#pragma once

#include <filesystem>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/options.h"

namespace dltonic::data {

/// Unpacks into `<project>/data/unpacked/<archive>-<hash>` what is not unpacked there yet; another job that does so already is
/// waited for. Returns options.source with the folder. Throws DataError (a damaged archive), StorageError (no room), agreed.
/// collective
events::SourceOptions unpack_archives(comm::World& world, const Options& options, const std::filesystem::path& project,
                                      Progress& progress, comm::Phase& phase);

}  // namespace dltonic::data
