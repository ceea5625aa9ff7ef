/// A training step as a graph sees it. What changes from step to step lies in device memory: kernels read the clock, the
/// step's last kernel moves it on, and what a step has to tell goes into a ring of host memory that the host reads a few
/// steps later. So the host enqueues steps without waiting for any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "dltonic/device/buffer.h"

namespace dltonic::device {

/// Lies in device memory.
struct StepClock {
  std::uint64_t seed = 0;    ///< keys of random draws
  std::int64_t step = 0;     ///< steps made before this one
  std::int64_t updates = 0;  ///< and updates: steps whose sums were finite
  std::uint32_t epoch = 0;   ///< key of the order and of augmentation
  std::uint32_t batch = 0;   ///< number of the global batch within the epoch
  float learning_rate = 0;
};

/// What a step adds up over its samples, and over ranks: doubles, so that one reduction carries all.
struct StepSums {
  double loss = 0;       ///< sum of the samples' cross entropy
  double correct = 0;    ///< samples predicted right
  double nonfinite = 0;  ///< > 0: some gradient sum is not finite, and the update did nothing
  double save = 0;       ///< > 0: some rank's host asks for a checkpoint,
  double stop = 0;       ///< > 0: or for the end of the run (Steps::wish)

  /// What is above is added up over ranks; what follows is made of the sums, on every rank alike.
  static constexpr int kSummed = 5;
  double gradient_norm = 0;  ///< where the optimiser's clip_norm asks for it
};

/// What a rank's host asks of all ranks; told in a step's sums.
struct Wishes {
  bool save = false, stop = false;
  bool operator==(const Wishes&) const = default;
};

/// The clock, the running step's sums and the ring of reports.
class Steps {
 public:
  struct Report {  ///< of the ring
    StepSums sums;
    std::int64_t step;  ///< written last
  };
  struct Rates {  ///< of the steps from `first` on
    const float* rates = nullptr;
    std::int64_t first = 0, count = 0;
  };
  Steps();
  /// Before the first step and wherever the next step does not follow from the last, as at the beginning of an epoch.
  /// later_rates: learning rates of the steps after that one; the last one stays. Whatever sums() holds is dropped. Waits for
  /// the stream.
  void set(const StepClock& clock, StreamHandle stream, std::span<const float> later_rates = {});
  const StepClock* clock() const { return clock_.data(); }  ///< device
  StepSums* sums() const { return sums_.data(); }           ///< device; zero but for the wish when a step begins

  /// The sums as kPacked floats, two each that add up to it, to ride with a reduction of gradients over ranks; and back.
  static constexpr std::size_t kPacked = 32;  ///< the rest are zero: what follows stays aligned to 128 bytes
  void pack(float* to, StreamHandle stream) const;
  void unpack(const float* from, StreamHandle stream);

  /// A step's last kernel: the sums go into the ring and become those that the next step begins with, the clock moves on
  /// by a step and a batch.
  void end(StreamHandle stream);

  /// Steps carry them that are enqueued behind this. Waits where they change.
  void wish(const Wishes& wishes, StreamHandle stream);

  /// Report of step `step` (StepClock::step), once its end() has run on the GPU; nothing before. At most kRing steps may
  /// be on their way: read a step's report before its successor by kRing is enqueued.
  std::optional<StepSums> report(std::int64_t step) const;
  static constexpr int kRing = 64;

 private:
  Buffer<StepClock> clock_;
  Buffer<StepSums> sums_;
  PinnedBuffer<StepClock> next_;
  PinnedBuffer<StepSums> wished_;  ///< with what the host wishes now: what every step begins with
  Buffer<StepSums> beginning_;
  Buffer<float> later_rates_;
  Buffer<Rates> rates_;
  PinnedBuffer<Report> ring_;
};

}  // namespace dltonic::device
