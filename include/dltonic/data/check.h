/// Whether a data set is whole, before anything is prepared from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/options.h"

namespace dltonic::data {

struct CheckResult {
  std::vector<std::string> faults;  ///< what is missing or damaged, each with the way out; empty: all is well
  std::vector<std::string> good;    ///< what was verified
  std::uint64_t recordings = 0, events = 0;
};

/// Compares archives with published checksums, reads and decodes every recording, and compares their numbers with the published
/// ones. Writes nothing but unpacked archives (into `<project>/data/unpacked`, where prepare finds them). Throws ConfigError
/// for kind images. collective
CheckResult check_data(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress);

}  // namespace dltonic::data
