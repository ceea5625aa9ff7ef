/// Which recordings train, which validate, which test. Recordings are split before frames are cut from them, so
/// overlapping frames of one recording never cross splits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/recording.h"

namespace dltonic::data {

struct SplitOptions {
  double val_split = 0.1;        ///< share of the training recordings that validates
  double test_split = 0.1;       ///< share that tests, of recordings without a published split
  std::uint64_t split_seed = 0;  ///< apart from train.seed: seeds of a study share their splits
  /// published: as the data set publishes it; what it leaves open is drawn, stratified. stratified: all is drawn. tebn: of each
  /// class the recordings 0 to 99 by the number in their names test, as Duan et al. 2022 (TEBN) split CIFAR10-DVS. user: no
  /// person is in two parts; the published test persons test, others are drawn.
  std::string split = "published";

  /// Keys of section `data`.
  void bind(config::Section& data);
};

/// What some splits look at beside labels; may be empty for the others.
struct RecordingNames {
  std::span<const std::uint16_t> subjects{};  ///< [recording] 65535: none
  std::span<const std::string> sources{};     ///< [recording]
};

/// Sorted indices of recordings.
struct Splits {
  std::vector<std::uint32_t> train, val, test;
  const std::vector<std::uint32_t>& by_name(const std::string& name) const;  ///< ConfigError for another name
  /// sha256 of the three lists: two runs that agree in it were split alike.
  std::string hash() const;
};

/// Stratified: every class gives its share, rounded, at least one where it has two or more recordings and the share is
/// not zero; of persons (split user) likewise. `test_split` divides only recordings without a published split, `val_split` what
/// trains. A function of the arguments alone. DataError where names or persons are not known that the split needs.
Splits make_splits(std::span<const std::uint16_t> labels, std::span<const events::Split> published, const SplitOptions& options,
                   const RecordingNames& names = {});

/// Writes the index lists as JSON to `<folder>/<name>-splits-<hash>.json` (atomic); does nothing where it is there.
/// Returns the path. One rank alone.
std::filesystem::path store_splits(const Splits& splits, const std::filesystem::path& folder, const std::string& name);

}  // namespace dltonic::data
