/// A training step as a graph sees it. What changes from step to step lies in device memory: kernels read the clock, the
/// step's last kernel moves it on, and what a step has to tell goes into a ring of host memory that the host reads a few
/// steps later. So the host enqueues steps without waiting for any.
#pragma once

#include <cstdint>
#include <optional>

#include "dltonic/device/buffer.h"

namespace dltonic::device {

/// Lies in device memory.
struct StepClock {
  std::uint64_t seed = 0;   ///< keys of random draws
  std::int64_t step = 0;    ///< updates made before this one
  std::uint32_t epoch = 0;  ///< key of the order and of augmentation
  std::uint32_t batch = 0;  ///< number of the global batch within the epoch
  float learning_rate = 0;
};

/// What a step adds up over its samples, and over ranks: doubles, so that one reduction carries all.
struct StepSums {
  double loss = 0;       ///< sum of the samples' cross entropy
  double correct = 0;    ///< samples predicted right
  double nonfinite = 0;  ///< > 0: some gradient sum is not finite, and the update did nothing
  double wish = 0;       ///< > 0: some rank's host asked for something (Steps::wish)
};

/// The clock, the running step's sums and the ring of reports.
class Steps {
 public:
  struct Report {  ///< of the ring
    StepSums sums;
    std::int64_t step;  ///< written last
  };
  Steps();
  /// Before the first step and wherever the next step does not follow from the last: a new epoch, another rate. Whatever
  /// sums() holds is dropped.
  void set(const StepClock& clock, StreamHandle stream);
  const StepClock* clock() const { return clock_.data(); }  ///< device
  StepSums* sums() const { return sums_.data(); }           ///< device; zero but for the wish when a step begins

  /// A step's last kernel: the sums go into the ring and become those that the next step begins with, the clock moves on
  /// by a step and a batch.
  void end(StreamHandle stream);

  /// Steps carry it that are enqueued behind this. Waits where it changes.
  void wish(double value, StreamHandle stream);

  /// Report of step `step` (StepClock::step), once its end() has run on the GPU; nothing before. At most kRing steps may
  /// be on their way: read a step's report before its successor by kRing is enqueued.
  std::optional<StepSums> report(std::int64_t step) const;
  static constexpr int kRing = 64;

 private:
  Buffer<StepClock> clock_;
  Buffer<StepSums> sums_;
  PinnedBuffer<StepClock> next_;
  PinnedBuffer<double> wished_;  ///< what the host wishes now
  Buffer<double> wish_;
  PinnedBuffer<Report> ring_;
};

}  // namespace dltonic::device
