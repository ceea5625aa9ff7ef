#include "dltonic/data/device_frames.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "data/gather_batch.h"
#include "data/upload.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"

namespace dltonic::data {
namespace {

/// A pinned buffer: some milliseconds of the bus, so that filling and reading overlap.
constexpr std::size_t kUploadBytes = 8u << 20;

void expect(std::size_t found, std::size_t most, const char* what) {
  if (found > most) throw DeviceError(cat(what, ": ", found, ", made for at most ", most));
}

}  // namespace

DeviceBatchBuffer::DeviceBatchBuffer(std::size_t features, int most_samples)
    : features_(features),
      most_samples_(most_samples),
      bits_(features * static_cast<std::size_t>(DeviceBatch::padded(most_samples) / 64)),
      labels_(static_cast<std::size_t>(DeviceBatch::padded(most_samples))) {}

struct DeviceFrames::Impl {
  Impl(const FrameSet& f, const Plan& p);

  void upload_rows(std::uint64_t* to, std::span<const std::uint32_t> samples, Upload& upload, device::StreamHandle stream);
  void fetch(std::int64_t batch, device::StreamHandle stream);
  GatherSource source(const std::uint64_t* from_rows, GatherSource::RowOf row_of, const std::uint32_t* numbers) const;
  DeviceBatch gather(const GatherSource& source, int count, const AugmentationParameters* augmentation, DeviceBatchBuffer& out,
                     device::StreamHandle stream) const;

  const FrameSet& frames;
  Plan plan;
  std::size_t row_words, epoch_samples, share;
  Residency residency;
  device::Stream copies;
  Upload upload;
  device::Buffer<std::uint16_t> labels;  ///< [sample], whatever the residency
  device::Buffer<std::uint32_t> order;   ///< [position] sample numbers of the epoch
  device::Buffer<std::uint64_t> rows;    ///< [sample], [position] or [2][share]

  device::Buffer<std::uint32_t> evaluated;       ///< sample numbers
  device::Buffer<std::uint64_t> evaluated_rows;  ///< where not all rows lie there

  // stream: batch b comes to slot b mod 2.
  std::optional<Upload> step_upload;
  std::vector<std::uint32_t> epoch_order;
  struct Slot {
    std::int64_t batch = -1;
    device::Event free, filled;
  } slots[2];
};

DeviceFrames::Impl::Impl(const FrameSet& f, const Plan& p)
    : frames(f),
      plan(p),
      row_words(f.bits.row_words()),
      epoch_samples(static_cast<std::size_t>(p.batches) * static_cast<std::size_t>(p.share)),
      share(static_cast<std::size_t>(p.share)),
      upload(std::max(kUploadBytes, row_words * sizeof(std::uint64_t))),
      labels(f.size()),
      order(epoch_samples),
      evaluated(static_cast<std::size_t>(p.most_evaluated)) {
  const std::size_t row_bytes = row_words * sizeof(std::uint64_t);
  const std::size_t evaluated_bytes = evaluated.size() * row_bytes;
  const ResidencyBytes need{.replicate = f.size() * row_bytes,
                            .shard = epoch_samples * row_bytes + evaluated_bytes,
                            .stream = 2 * share * row_bytes + evaluated_bytes};
  const std::size_t free = device::free_bytes();
  residency = choose_residency(plan.residency, need, free > plan.reserve_bytes ? free - plan.reserve_bytes : 0);
  const bool all = residency == Residency::replicate, shard = residency == Residency::shard;
  const std::size_t row_count = all ? f.size() : shard ? epoch_samples : 2 * share;
  log::info(cat("data.residency ", name_of(residency), plan.residency == Residency::automatic ? " (auto)" : "", ": ",
                with_commas(row_count), " of ", with_commas(f.size()), " frames lie in GPU memory; replicate takes ",
                human_bytes(need.replicate), ", shard ", human_bytes(need.shard), ", stream ", human_bytes(need.stream), " of ",
                human_bytes(free), " free, ", human_bytes(plan.reserve_bytes), " left to others"));
  rows = device::Buffer<std::uint64_t>(row_count * row_words);
  if (!all) evaluated_rows = device::Buffer<std::uint64_t>(evaluated.size() * row_words);
  if (residency == Residency::stream) step_upload.emplace(std::max(share, std::size_t{1}) * row_bytes);

  const auto copy_label = [&](std::size_t s, std::byte* to) { std::memcpy(to, &frames.labels[s], sizeof(std::uint16_t)); };
  upload(labels.data(), frames.size(), sizeof(std::uint16_t), copy_label, copies);
  const auto copy_row = [&](std::size_t s, std::byte* to) { std::memcpy(to, frames.bits.row(s).data(), row_bytes); };
  if (all) upload(rows.data(), frames.size(), row_bytes, copy_row, copies);
  copies.synchronize();
}

void DeviceFrames::Impl::upload_rows(std::uint64_t* to, std::span<const std::uint32_t> samples, Upload& by,
                                     device::StreamHandle stream) {
  const std::size_t row_bytes = row_words * sizeof(std::uint64_t);
  const auto copy_row = [&](std::size_t i, std::byte* memory) {
    std::memcpy(memory, frames.bits.row(samples[i]).data(), row_bytes);
  };
  by(to, samples.size(), row_bytes, copy_row, stream);
}

/// Brings the rows of `batch` to its slot, once the steps that are enqueued on `stream` are done with it.
void DeviceFrames::Impl::fetch(std::int64_t batch, device::StreamHandle stream) {
  const auto parity = static_cast<std::size_t>(batch % 2);
  Slot& slot = slots[parity];
  if (slot.batch == batch) return;
  slot.free.record(stream);
  copies.wait(slot.free);
  const auto samples = std::span(epoch_order).subspan(static_cast<std::size_t>(batch) * share, share);
  upload_rows(rows.data() + parity * share * row_words, samples, *step_upload, copies);
  slot.filled.record(copies);
  slot.batch = batch;
}

GatherSource DeviceFrames::Impl::source(const std::uint64_t* from_rows, GatherSource::RowOf row_of,
                                        const std::uint32_t* numbers) const {
  return {.rows = from_rows,
          .row_words = static_cast<int>(row_words),
          .labels = labels.data(),
          .order = numbers,
          .share = plan.share,
          .row_of = row_of};
}

DeviceBatch DeviceFrames::Impl::gather(const GatherSource& from, int count, const AugmentationParameters* augmentation,
                                       DeviceBatchBuffer& out, device::StreamHandle stream) const {
  expect(static_cast<std::size_t>(count), static_cast<std::size_t>(out.most_samples()), "samples of a batch on the GPU");
  expect(frames.shape.features(), out.features(), "features of a batch on the GPU");
  gather_batch(from, static_cast<int>(frames.shape.features()), count, augmentation, out.bits(), out.labels(), stream);
  return {.bits = out.bits(), .labels = out.labels(), .samples = count};
}

DeviceFrames::DeviceFrames(const FrameSet& frames, const Plan& plan) : impl_(std::make_unique<Impl>(frames, plan)) {}
DeviceFrames::~DeviceFrames() = default;
DeviceFrames::DeviceFrames(DeviceFrames&&) noexcept = default;

Residency DeviceFrames::residency() const { return impl_->residency; }

void DeviceFrames::start_epoch(std::span<const std::uint32_t> samples, device::StreamHandle stream) {
  Impl& d = *impl_;
  expect(samples.size(), d.epoch_samples, "samples of an epoch on the GPU");
  const auto copy_number = [&](std::size_t i, std::byte* to) { std::memcpy(to, &samples[i], sizeof(std::uint32_t)); };
  d.upload(d.order.data(), samples.size(), sizeof(std::uint32_t), copy_number, stream);
  if (d.residency == Residency::shard) d.upload_rows(d.rows.data(), samples, d.upload, stream);
  if (d.residency == Residency::stream) {
    d.epoch_order.assign(samples.begin(), samples.end());
    for (auto& slot : d.slots) slot.batch = -1;
  }
}

void DeviceFrames::prepare_step(std::int64_t batch, device::StreamHandle stream) {
  Impl& d = *impl_;
  if (d.residency != Residency::stream) return;
  expect((static_cast<std::size_t>(batch) + 1) * d.share, d.epoch_order.size(), "samples up to the end of this batch");
  d.fetch(batch, stream);
  device::wait(stream, d.slots[batch % 2].filled);
  if ((static_cast<std::size_t>(batch) + 2) * d.share <= d.epoch_order.size()) d.fetch(batch + 1, stream);
}

DeviceBatch DeviceFrames::gather(const device::StepClock* clock, int first, int count, const Augmentation* augmentation,
                                 DeviceBatchBuffer& out, device::StreamHandle stream) {
  const Impl& d = *impl_;
  expect(static_cast<std::size_t>(first + count), d.share, "samples of the rank's share of a batch");
  using RowOf = GatherSource::RowOf;
  const RowOf row_of = d.residency == Residency::replicate ? RowOf::sample
                       : d.residency == Residency::shard   ? RowOf::position
                                                           : RowOf::slot;
  GatherSource from = d.source(d.rows.data(), row_of, d.order.data());
  from.clock = clock;
  from.first = first;
  return d.gather(from, count, augmentation != nullptr ? &augmentation->parameters() : nullptr, out, stream);
}

DeviceBatch DeviceFrames::gather(std::span<const std::uint32_t> samples, DeviceBatchBuffer& out, device::StreamHandle stream) {
  Impl& d = *impl_;
  expect(samples.size(), d.evaluated.size(), "samples of an evaluated batch on the GPU");
  const auto copy_number = [&](std::size_t i, std::byte* to) { std::memcpy(to, &samples[i], sizeof(std::uint32_t)); };
  d.upload(d.evaluated.data(), samples.size(), sizeof(std::uint32_t), copy_number, stream);
  const bool all = d.residency == Residency::replicate;
  if (!all) d.upload_rows(d.evaluated_rows.data(), samples, d.upload, stream);
  const auto row_of = all ? GatherSource::RowOf::sample : GatherSource::RowOf::position;
  const GatherSource from = d.source(all ? d.rows.data() : d.evaluated_rows.data(), row_of, d.evaluated.data());
  return d.gather(from, static_cast<int>(samples.size()), nullptr, out, stream);
}

}  // namespace dltonic::data
