/// Bit frames for a GPU: where their rows lie (residency.h), and batches that one kernel gathers, augments and turns
/// feature-major. A batch equals what fill_batch() and transpose() make, bit for bit, whatever the residency.
/// Without CUDA the constructors throw DeviceError.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "dltonic/data/augment.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/data/residency.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/step.h"

namespace dltonic::data {

/// Memory of one batch. Its addresses stay, so that graphs may hold them.
class DeviceBatchBuffer {
 public:
  DeviceBatchBuffer(std::size_t features, int most_samples);
  std::size_t features() const { return features_; }
  int most_samples() const { return most_samples_; }
  std::uint64_t* bits() const { return bits_.data(); }
  std::uint16_t* labels() const { return labels_.data(); }

 private:
  std::size_t features_;
  int most_samples_;
  device::Buffer<std::uint64_t> bits_;
  device::Buffer<std::uint16_t> labels_;
};

/// The frames of one rank. An epoch is `batches` global batches, of each of which the rank's share is `share` samples:
/// position b × share + i of the epoch is sample i of the share of global batch b. All calls from one thread, and all work
/// on one stream (or in stream order).
class DeviceFrames {
 public:
  struct Plan {
    Residency residency = Residency::automatic;
    std::int64_t batches = 0;               ///< of an epoch; 0: frames that are only evaluated
    int share = 0;                          ///< this rank's samples of a global batch
    int most_evaluated = 0;                 ///< samples of the largest batch that is gathered by sample numbers
    std::size_t reserve_bytes = 512 << 20;  ///< GPU memory that others will still take: automatic leaves it free
  };
  /// `frames` stays where it is and outlives this. Says in the log where rows lie, and their bytes. Waits for uploads.
  /// DeviceError where the residency that was asked for does not fit.
  DeviceFrames(const FrameSet& frames, const Plan& plan);
  ~DeviceFrames();
  DeviceFrames(DeviceFrames&&) noexcept;
  DeviceFrames& operator=(DeviceFrames&&) = delete;

  Residency residency() const;  ///< never automatic

  /// `samples`: [batches][share], the rank's share of the epoch that begins. Enqueued behind the steps before it.
  void start_epoch(std::span<const std::uint32_t> samples, device::StreamHandle stream);
  /// To be called before the step of each batch of the epoch is enqueued or its graph launched: with `stream`, work of
  /// `stream` from here on finds the rows of `batch`, and those of the next one are on their way. Else does nothing.
  void prepare_step(std::int64_t batch, device::StreamHandle stream);
  /// Samples first … first + count − 1 of the rank's share of global batch clock->batch, augmented with keys of
  /// clock->epoch where `augmentation` is not null. Enqueues one kernel: for graphs.
  DeviceBatch gather(const device::StepClock* clock, int first, int count, const Augmentation* augmentation,
                     DeviceBatchBuffer& out, device::StreamHandle stream);
  /// These samples as they are. Not for graphs.
  DeviceBatch gather(std::span<const std::uint32_t> samples, DeviceBatchBuffer& out, device::StreamHandle stream);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::data
