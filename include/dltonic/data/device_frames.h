/// Frames for a GPU: where their rows lie (residency.h), and batches that one kernel gathers, augments and turns
/// feature-major. A batch equals what fill_batch() and transpose() make, bit for bit, whatever the residency.
/// Without CUDA the constructors throw DeviceError.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "dltonic/comm/gpu.h"
#include "dltonic/data/augment.h"
#include "dltonic/data/batch.h"
#include "dltonic/data/exchange.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/data/residency.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/step.h"

namespace dltonic::data {

/// Memory of one batch. Its addresses stay, so that graphs may hold them.
class DeviceBatchBuffer {
 public:
  DeviceBatchBuffer(std::size_t row_bits, int most_samples);
  std::size_t row_bits() const { return row_bits_; }
  int most_samples() const { return most_samples_; }
  std::uint64_t* bits() const { return bits_.data(); }
  std::uint16_t* labels() const { return labels_.data(); }
  std::uint16_t* second_labels() const { return second_labels_.data(); }
  float* label_share() const { return label_share_.data(); }

 private:
  std::size_t row_bits_;
  int most_samples_;
  device::Buffer<std::uint64_t> bits_;
  device::Buffer<std::uint16_t> labels_, second_labels_;
  device::Buffer<float> label_share_;
};

/// The frames of one rank. Position b × share + i of an epoch is sample i of the rank's share of global batch b. All calls
/// from one thread, and all work on one stream (or in stream order).
///
/// shard: rows of the first epoch come from host memory. When another one begins, those that change ranks go from GPU to
/// GPU (exchange.h), in rounds, so that memory is the share and a round's rows on each side; host memory is not read again.
/// Where the GPUs have no NCCL between them, every epoch's rows come from host memory. Ranks must agree on their residency
/// where it is shard (choose()).
class DeviceFrames {
 public:
  struct Plan {
    Residency residency = Residency::automatic;
    bool chosen = false;               ///< residency is what automatic came to, by choose(): said in the log
    EpochShares shares = {};           ///< of training; none: frames that are only evaluated
    comm::GpuReducer* gpus = nullptr;  ///< shard: exchanges rows where it is available(); outlives this
    const EventFrames* cut = nullptr;  ///< stream: rows of training are cut from events (data.framing); outlives this
    /// Rows that the GPU cuts from events at once, of several small batches. More would be cut in less time, but in all places
    /// of the GPU: these leave most of it to the steps that run meanwhile (docs/augmentation.md, Speed).
    std::size_t cut_at_once = 64;
    std::size_t planned_at_once = 512;   ///< rows for which the host draws what is done to them, its threads woken once for all
    std::size_t round_bytes = 64 << 20;  ///< shard: of an exchange, about, on each side
    std::size_t epochs = 1u << 20;       ///< that are trained: rows of later ones do not come ahead
    int most_evaluated = 0;              ///< samples of the largest batch that is gathered by sample numbers
    std::size_t reserve_bytes = 512 << 20;  ///< GPU memory that others will still take: automatic leaves it free
  };
  /// The residency that `plan` asks for, or the first for which this rank has room. Later enumerators take less: ranks agree
  /// by their largest.
  static Residency choose(const FrameSet& frames, const Plan& plan);

  /// `frames` stays where it is and outlives this. Says in the log where rows lie, and their bytes. Waits for uploads.
  /// DeviceError where the residency that was asked for does not fit.
  DeviceFrames(const FrameSet& frames, const Plan& plan);
  ~DeviceFrames();
  DeviceFrames(DeviceFrames&&) noexcept;
  DeviceFrames& operator=(DeviceFrames&&) = delete;

  Residency residency() const;  ///< never automatic

  /// Begins the epoch whose order this is. Enqueued behind the steps before it. CommError. shard: collective
  void start_epoch(const EpochOrder& order, device::StreamHandle stream);
  /// Between the beginning and the end of start_epoch() in its stream, once that is over: how long rows took to come. 0
  /// where none did.
  double start_ms() const;
  /// To be called before the step of each batch of the epoch is enqueued or its graph launched: with `stream`, work of
  /// `stream` from here on finds the rows of `batch`, and those of the next one, of the next epoch where this is an epoch's
  /// last, are on their way. Else does nothing.
  void prepare_step(std::int64_t batch, device::StreamHandle stream);
  /// Samples first … first + count − 1 of the rank's share of global batch clock->batch, augmented with keys of
  /// clock->epoch where `augmentation` is not null. Enqueues one kernel: for graphs.
  DeviceBatch gather(const device::StepClock* clock, int first, int count, const Augmentation* augmentation,
                     DeviceBatchBuffer& out, device::StreamHandle stream);
  /// These samples as they are. Not for graphs.
  DeviceBatch gather(std::span<const std::uint32_t> samples, DeviceBatchBuffer& out, device::StreamHandle stream);

 private:
  struct Needs;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::data
