/// Frames of a data set, resident in memory, and the batches that are cut from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/bits.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/augment.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/splits.h"

namespace dltonic::data {

class EventFrames;

struct FrameSet {
  FrameShape shape;
  std::vector<std::string> classes;
  std::string key;                              ///< of the settings that made it
  std::vector<double> thresholds;               ///< what the bits of a pixel were compared with
  BitMatrix bits;                               ///< [sample][row bit]
  std::vector<std::uint16_t> labels;            ///< [sample]
  std::vector<std::uint64_t> recording_offset;  ///< [recording + 1] first sample of each recording
  std::vector<std::uint16_t> recording_labels;  ///< [recording]
  std::vector<events::Split> recording_splits;  ///< [recording], as published
  std::vector<std::uint16_t> subjects;          ///< [recording] person, 65535: none
  std::vector<std::string> sources;             ///< [recording] names

  std::size_t size() const { return labels.size(); }
  std::size_t recordings() const { return recording_labels.size(); }
  RecordingNames names() const { return {subjects, sources}; }
  /// Samples of these recordings, in their order.
  std::vector<std::uint32_t> samples_of(std::span<const std::uint32_t> some) const;

  /// Every rank reads its share of the file and gets the other shares from the other ranks: the file is read once.
  /// DataError where the file is damaged or was made by other settings than these (empty: any). collective
  static FrameSet load(comm::World& world, const std::filesystem::path& path, const std::string& settings, Progress& progress);
};

/// The batch of `samples`, from `frames`, or where `cut` is not null from events (event_frames.h); their bits augmented where
/// `augmentation` is not null. OpenMP over samples. DataError, StorageError: of events.
void fill_batch(const FrameSet& frames, std::span<const std::uint32_t> samples, const Augmentation* augmentation,
                std::uint32_t epoch, Batch& batch, const EventFrames* cut = nullptr);

}  // namespace dltonic::data
