/// What lies in the folder of prepared files, and what may go. Rank 0 alone; nothing here communicates.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/data/options.h"

namespace dltonic::data {

struct PreparedEntry {
  std::filesystem::path path;
  std::string kind;      ///< frames, events, unpacked (archive), part (of a job that runs or was killed), damaged
  std::string name;      ///< of the data set; "" where it is not known
  std::string key;       ///< first 16 digits
  std::string settings;  ///< in words
  std::uint64_t bytes = 0;
  double unused_days = 0;  ///< since it was last read or written
  bool wanted = false;     ///< the configuration at hand would use it
  bool in_use = false;     ///< a running job holds it
};

/// All of `<project>/data`, by kind and name. `options`: the configuration at hand, or null.
std::vector<PreparedEntry> list_prepared(const std::filesystem::path& project, const Options* options);

/// Removes those that are neither wanted nor in use, and were not used for `days` (parts: for a day at least). With `dry_run`
/// removes nothing. Returns them. Throws StorageError where one cannot be removed.
std::vector<PreparedEntry> prune_prepared(const std::filesystem::path& project, const Options* options, double days,
                                          bool dry_run);

}  // namespace dltonic::data
