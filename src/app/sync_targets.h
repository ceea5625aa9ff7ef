/// What a person may name to `dltonic sync`: runs, data sets, checkpoints, paths.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/config/storage_dirs.h"

namespace dltonic::app {

/// One thing with a place on each storage; either may be missing.
struct SyncTarget {
  std::string kind;                        ///< "run", "data", "path"
  std::string name;                        ///< as it is shown, and as it can be typed
  std::filesystem::path scratch, project;  ///< file or folder
};

/// Runs of either storage, by name.
std::vector<SyncTarget> all_runs(const config::StorageDirs& dirs);
/// Prepared files of either storage.
std::vector<SyncTarget> all_data(const config::StorageDirs& dirs);

/// Each word is a run's name, a data set's (all its prepared files) or a file of it, or a path, whole or below a storage
/// folder ("runs/<run>/checkpoints/<checkpoint>"). ConfigError that names what is near where it is none.
std::vector<SyncTarget> find_targets(const std::vector<std::string>& words, const config::StorageDirs& dirs);

}  // namespace dltonic::app
