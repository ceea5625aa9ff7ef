/// Rows of training that come to a GPU while the steps before theirs run: copied from the host's frames, or cut from events, by
/// the host's threads or by the GPU itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/gpu/batch_ring.h"
#include "data/gpu/device_events.h"
#include "data/gpu/upload.h"
#include "dltonic/data/device_frames.h"

namespace dltonic::data {

/// Memory of some batches, [slot][share of a batch], and what fills it. A rank with no share of batches has none.
class StreamedRows {
 public:
  /// Says in the log where rows are cut from events. other_bytes: GPU memory that others still take. `frames` and plan.cut
  /// outlive this. DeviceError where the GPU shall cut them and cannot.
  StreamedRows(const FrameSet& frames, const DeviceFrames::Plan& plan, std::size_t other_bytes);
  /// Waits for rows that are on their way.
  ~StreamedRows();
  StreamedRows(const StreamedRows&) = delete;
  StreamedRows& operator=(const StreamedRows&) = delete;

  std::size_t slots() const { return filled_.size(); }        ///< batch n of an epoch e: (e × batches + n) mod slots
  const std::uint64_t* rows() const { return rows_.data(); }  ///< [slots][share][row words]
  const MixedLabel* mixed() const { return mixed_.data(); }   ///< [slots][share]; null where rows are not mixed
  bool cut_by_gpu() const { return cutter_.has_value(); }

  /// Returns what this rank trains in the epoch, batch after batch, until the next epoch begins.
  std::span<const std::uint32_t> start_epoch(const EpochOrder& order);
  /// As DeviceFrames::prepare_step().
  void prepare_step(std::int64_t batch, device::StreamHandle stream);

 private:
  struct EpochSamples {
    std::int64_t epoch = -1;
    std::vector<std::uint32_t> samples;
  };
  void make_cutter(std::size_t other_bytes);
  const EpochSamples& samples_of(std::int64_t epoch);
  void fetch(const BatchRing::Fetch& batches, device::StreamHandle stream);
  void cut_on_gpu(const BatchRing::Fetch& batches, const EpochSamples& of_epoch);
  void cut_on_host(std::size_t slot, std::span<const std::uint32_t> samples, std::uint32_t epoch);
  std::size_t row_bytes() const { return row_words_ * sizeof(std::uint64_t); }
  std::uint64_t* rows_of(std::size_t slot) { return rows_.data() + slot * share_ * row_words_; }
  MixedLabel* mixed_of(std::size_t slot) { return mixed_.size() > 0 ? mixed_.data() + slot * share_ : nullptr; }

  const FrameSet& frames_;
  EpochShares shares_;
  const EventFrames* cut_;
  std::size_t planned_at_once_, row_words_, share_;
  std::size_t at_once_ = 1;  ///< batches
  device::Stream copies_;
  std::optional<DeviceEvents> cutter_;
  std::size_t planned_ = 0, planned_end_ = 0;  ///< batches that the cutter's plan is for
  std::optional<BatchRing> ring_;
  std::vector<device::Event> filled_;  ///< [slot] of the fetch that began there
  device::Event free_;                 ///< of what is fetched next
  device::Buffer<std::uint64_t> rows_;
  device::Buffer<MixedLabel> mixed_;
  std::optional<Upload> upload_, mixed_upload_;
  std::vector<MixedLabel> mixed_of_batch_;  ///< [share], of the batch that the host cuts
  std::optional<EpochOrder> next_order_;
  EpochSamples running_, following_;
};

}  // namespace dltonic::data
