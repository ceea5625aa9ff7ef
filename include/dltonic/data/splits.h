/// Which recordings train, which validate, which test. Recordings are split before frames are cut from them, so
/// overlapping frames of one recording never cross splits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::data {

struct SplitOptions {
  double val_split = 0.1;        ///< share of the training recordings that validates
  double test_split = 0.1;       ///< share that tests, of recordings without a published split
  std::uint64_t split_seed = 0;  ///< apart from train.seed: seeds of a study share their splits
};

/// Sorted indices of recordings.
struct Splits {
  std::vector<std::uint32_t> train, val, test;
  const std::vector<std::uint32_t>& by_name(const std::string& name) const;  ///< ConfigError for another name
  /// sha256 of the three lists: two runs that agree in it were split alike.
  std::string hash() const;
};

/// Stratified: every class gives its share, rounded, at least one where it has two or more recordings and the share is
/// not zero. Recordings with a published split keep it; `test_split` divides only those without. A function of the
/// arguments alone.
Splits make_splits(std::span<const std::uint16_t> labels, std::span<const events::Split> published,
                   const SplitOptions& options);

/// Writes the index lists as JSON to `<folder>/<name>-splits-<hash>.json` (atomic); does nothing where it is there.
/// Returns the path. One rank alone.
std::filesystem::path store_splits(const Splits& splits, const std::filesystem::path& folder, const std::string& name);

}  // namespace dltonic::data
