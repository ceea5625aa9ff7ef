/// Training frames cut from events while training runs: a recording is read, filtered, augmented with keys of
/// (seed, epoch, recording) and framed anew whenever a step wants its row. One sample a recording.
///
/// Events come from the prepared events file (on scratch, after staging) by pread(2), 9 bytes an event; the host's page
/// cache keeps what was read, once for all ranks of the host. A rank's own memory is a recording and a frame a thread. So
/// the cache should have room for the training recordings (N-MNIST 2.0 GB, DVS-Gesture about 4 GB, CIFAR10-DVS about 17 GB):
/// where it has not, the disk is read in every epoch.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "dltonic/data/frame_set.h"
#include "dltonic/data/mixed_label.h"
#include "dltonic/data/options.h"
#include "dltonic/events/augment_mix.h"
#include "dltonic/events/augment_plan.h"
#include "dltonic/store/event_file.h"

namespace dltonic::data {

/// A second recording, and how it is mixed in.
struct MixPlan {
  std::uint32_t sample = 0;
  events::AugmentationPlan steps;  ///< its own
  bool cuts = false;               ///< cut_mix, by `box`; else event_mix, by `mask`
  events::Box box{};
  events::MixShape mask;
};
/// What is drawn for a row before any event is read.
struct RowPlan {
  events::AugmentationPlan steps;
  bool mixed = false;  ///< by `mix`, which else says nothing
  MixPlan mix;
};

class EventFrames {
 public:
  /// `file`: the events file that the prepared frames were cut from. `training`: the samples that train, from which mixing
  /// draws second recordings. Says in the log what is done. ConfigError for options whose samples are not one a recording;
  /// DataError where the file is damaged, was made by other settings than these, or does not fit the frames. Each rank for
  /// itself.
  EventFrames(const std::filesystem::path& file, const std::string& settings, const Options& options, const FrameSet& frames,
              std::vector<std::uint32_t> training, std::uint64_t seed);
  ~EventFrames();
  EventFrames(const EventFrames&) = delete;
  EventFrames& operator=(const EventFrames&) = delete;

  /// Whether rows may hold events of a second recording too (data.augmentation.events.event_mix, cut_mix).
  bool mixes() const { return options_.event_augmentation.mixes(); }
  /// The row of a sample in an epoch, as FrameSet::bits has rows; bit-level augmentation is not included. A second recording
  /// is drawn with keys of (seed, epoch, sample), and augmented as its own row is in this epoch. Any number of threads may
  /// call it at once. DataError, StorageError.
  MixedLabel row(std::uint32_t sample, std::uint32_t epoch, std::span<std::uint64_t> out) const;

  /// Draws what is done to a sample in an epoch, into `plan`, whose memory is used again.
  void plan(std::uint32_t sample, std::uint32_t epoch, RowPlan& plan) const;

  // For who cuts rows elsewhere, by these plans.
  const Options& options() const { return options_; }      ///< with thresholds that are fitted
  events::SensorSize sensor() const { return filtered_; }  ///< of filtered recordings
  std::uint64_t seed() const { return seed_; }
  const std::vector<std::uint32_t>& training() const { return training_; }
  std::size_t samples() const { return reader_.recordings().size(); }
  std::uint64_t stored_events(std::uint32_t sample) const;
  std::uint16_t label(std::uint32_t sample) const;
  /// The filtered recording of a sample. Any number of threads at once.
  void read(std::uint32_t sample, events::Recording& recording) const;

  /// What was done since the last call, by row() and by whom count() was told of: of a GPU's work, some of it, for rates. The
  /// first one that has something to tell says its rate in the log.
  struct Work {
    std::uint64_t recordings = 0, events = 0;  ///< events: as stored
    double thread_seconds = 0;                 ///< of the host's threads
    double gpu_seconds = 0;                    ///< of the GPU
  };
  Work take_work() const;
  void count(const Work& more) const;

 private:
  struct Worker;
  std::unique_ptr<Worker> take_worker() const;
  void give_back(std::unique_ptr<Worker> worker) const;
  void read(std::uint32_t sample, Worker& worker, events::Recording& recording) const;
  MixedLabel mix(const MixPlan& mix, std::uint32_t epoch, Worker& worker) const;

  store::EventFileReader reader_;
  Options options_;
  events::SensorSize sensor_, filtered_{};  ///< of recordings as they are stored, and filtered
  std::size_t row_bits_;
  std::vector<std::uint32_t> training_;
  std::uint64_t seed_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Worker>> idle_;  ///< as many as there were threads at once
  mutable std::atomic<std::uint64_t> recordings_{0}, events_{0}, nanoseconds_{0}, gpu_nanoseconds_{0};
  mutable std::atomic<bool> said_{false};
};

/// What is wrong with augmenting events of these options (a key of section `data`, and the fault), or "" where nothing is.
std::string event_augmentation_fault(const Options& options, const std::string& key);

}  // namespace dltonic::data
