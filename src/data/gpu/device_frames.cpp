#include "dltonic/data/device_frames.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "data/gpu/gather_batch.h"
#include "data/gpu/move_rows.h"
#include "data/gpu/streamed_rows.h"
#include "data/gpu/upload.h"
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

DeviceBatchBuffer::DeviceBatchBuffer(std::size_t row_bits, int most_samples)
    : row_bits_(row_bits),
      most_samples_(most_samples),
      bits_(row_bits * static_cast<std::size_t>(DeviceBatch::padded(most_samples) / 64)),
      labels_(static_cast<std::size_t>(DeviceBatch::padded(most_samples))),
      second_labels_(labels_.size()),
      label_share_(labels_.size()) {}

/// Memory for rows, by residency.
struct DeviceFrames::Needs {
  Needs(const FrameSet& frames, const Plan& plan)
      : row_bytes(frames.bits.row_words() * sizeof(std::uint64_t)), exchanges(plan.gpus != nullptr && plan.gpus->available()) {
    const EpochShares& shares = plan.shares;
    const std::size_t evaluated_bytes = static_cast<std::size_t>(plan.most_evaluated) * row_bytes;
    shard_rows = shares.trained();
    std::size_t exchange_bytes = 0;
    if (exchanges && shares.world() > 0) {
      const RowExchange moves(shares, 0, round_rows(plan));
      shard_rows = moves.slots();
      round = moves.most_of_round();
      exchange_bytes = 2 * round * (row_bytes + sizeof(std::uint32_t)) + shares.trained() * sizeof(std::uint32_t);
    }
    bytes = {.replicate = frames.size() * row_bytes,
             .shard = shard_rows * row_bytes + exchange_bytes + evaluated_bytes,
             .stream = 2 * static_cast<std::size_t>(shares.share()) * row_bytes + evaluated_bytes};
  }
  std::size_t round_rows(const Plan& plan) const { return plan.round_bytes / row_bytes; }

  std::size_t row_bytes;
  bool exchanges;  ///< where shard is chosen
  std::size_t shard_rows = 0, round = 0;
  ResidencyBytes bytes;
};

struct DeviceFrames::Impl {
  Impl(const FrameSet& f, const Plan& p);

  void start_shard(const EpochOrder& epoch, device::StreamHandle stream);
  void upload_numbers(std::uint32_t* to, std::span<const std::uint32_t> numbers, device::StreamHandle stream);
  GatherSource source(const std::uint64_t* from_rows, GatherSource::RowOf row_of, const std::uint32_t* numbers) const;
  DeviceBatch gather(const GatherSource& source, int count, const AugmentationParameters* augmentation, DeviceBatchBuffer& out,
                     device::StreamHandle stream) const;

  const FrameSet& frames;
  Plan plan;
  std::size_t row_words, epoch_samples, share;
  Residency residency;
  Upload upload;
  device::Buffer<std::uint16_t> labels;  ///< [sample], whatever the residency
  device::Buffer<std::uint32_t> order;   ///< [position] sample numbers of the epoch
  device::Buffer<std::uint64_t> rows;    ///< [sample], [position] or [slot]; none where they are streamed
  device::Event started{true}, ready{true};
  bool timed = false;

  // shard, by an exchange.
  std::optional<RowExchange> exchange;
  device::Buffer<std::uint32_t> place;                ///< [position] slots
  device::Buffer<std::uint32_t> out_slots, in_slots;  ///< of a round
  device::Buffer<std::uint64_t> out_rows, in_rows;

  device::Buffer<std::uint32_t> evaluated;       ///< sample numbers
  device::Buffer<std::uint64_t> evaluated_rows;  ///< where not all rows lie there

  std::optional<StreamedRows> streamed;
};

DeviceFrames::Impl::Impl(const FrameSet& f, const Plan& p)
    : frames(f),
      plan(p),
      row_words(f.bits.row_words()),
      epoch_samples(p.shares.trained()),
      share(static_cast<std::size_t>(p.shares.share())),
      upload(std::max(kUploadBytes, row_words * sizeof(std::uint64_t))),
      labels(f.size()),
      order(epoch_samples),
      evaluated(static_cast<std::size_t>(p.most_evaluated)) {
  if (p.cut != nullptr && p.residency != Residency::stream)
    throw DeviceError(cat("rows that are cut from events can only be streamed, not ", name_of(p.residency)));
  const Needs need(f, p);
  const std::size_t row_bytes = need.row_bytes;
  residency = choose(f, p);
  const std::size_t free_bytes = device::free_bytes();
  if (residency == Residency::stream) streamed.emplace(f, p, plan.reserve_bytes + evaluated.size() * row_bytes);
  const bool all = residency == Residency::replicate, shard = residency == Residency::shard;
  const std::size_t row_count = all ? f.size() : shard ? need.shard_rows : streamed->slots() * share;
  const std::string way = !shard || share == 0 ? std::string()
                          : need.exchanges     ? ", those of the next epoch come from the ranks' GPUs"
                          : p.gpus != nullptr  ? cat(", each epoch's come from host memory (", p.gpus->why_not(), ")")
                                               : ", each epoch's come from host memory";
  log::info(
      cat("data.residency ", name_of(residency), plan.chosen || plan.residency == Residency::automatic ? " (auto)" : "", ": ",
          with_commas(row_count), " of ", with_commas(f.size()), " frames lie in GPU memory", way, "; replicate takes ",
          human_bytes(need.bytes.replicate), ", shard ", human_bytes(need.bytes.shard), ", stream ",
          human_bytes(streamed && streamed->cut_by_gpu() ? (row_count + evaluated.size()) * row_bytes : need.bytes.stream),
          " of ", human_bytes(free_bytes), " free, ", human_bytes(plan.reserve_bytes), " left to others"));
  if (!streamed) rows = device::Buffer<std::uint64_t>(row_count * row_words);
  if (shard && need.exchanges && share > 0) {
    exchange.emplace(p.shares, f.size(), need.round_rows(p));
    place = device::Buffer<std::uint32_t>(epoch_samples);
    for (auto* list : {&out_slots, &in_slots}) *list = device::Buffer<std::uint32_t>(need.round);
    for (auto* some : {&out_rows, &in_rows}) *some = device::Buffer<std::uint64_t>(need.round * row_words);
  }
  if (!all) evaluated_rows = device::Buffer<std::uint64_t>(evaluated.size() * row_words);

  device::Stream copies;
  const auto copy_label = [&](std::size_t s, std::byte* to) { std::memcpy(to, &frames.labels[s], sizeof(std::uint16_t)); };
  upload(labels.data(), frames.size(), sizeof(std::uint16_t), copy_label, copies);
  const auto copy_row = [&](std::size_t s, std::byte* to) { std::memcpy(to, frames.bits.row(s).data(), row_bytes); };
  if (all) upload(rows.data(), frames.size(), row_bytes, copy_row, copies);
  copies.synchronize();
}

void DeviceFrames::Impl::upload_numbers(std::uint32_t* to, std::span<const std::uint32_t> numbers,
                                        device::StreamHandle stream) {
  const auto copy_number = [&](std::size_t i, std::byte* memory) { std::memcpy(memory, &numbers[i], sizeof(std::uint32_t)); };
  upload(to, numbers.size(), sizeof(std::uint32_t), copy_number, stream);
}

/// Rows of an epoch by an exchange; the first time, from the host.
void DeviceFrames::Impl::start_shard(const EpochOrder& epoch, device::StreamHandle stream) {
  const auto waiting = plan.gpus->waiting("an exchange of frames between the GPUs");  // uploads may wait behind one
  if (!exchange->begun()) {
    exchange->begin(epoch);
    upload_rows(frames, exchange->held(), rows.data(), upload, stream);
  } else {
    const std::size_t row_bytes = row_words * sizeof(std::uint64_t);
    for (RowExchange::Round& round : exchange->go_on(epoch)) {
      upload_numbers(out_slots.data(), round.out, stream);
      upload_numbers(in_slots.data(), round.in, stream);
      pack_rows(rows.data(), row_words, out_slots.data(), round.out.size(), out_rows.data(), stream);
      for (auto* counts : {&round.to, &round.from}) {
        for (std::size_t& bytes : *counts) bytes *= row_bytes;
      }
      plan.gpus->exchange(out_rows.data(), round.to, in_rows.data(), round.from, stream);
      unpack_rows(in_rows.data(), row_words, in_slots.data(), round.in.size(), rows.data(), stream);
    }
  }
  upload_numbers(place.data(), exchange->slot().first(epoch_samples), stream);
}

GatherSource DeviceFrames::Impl::source(const std::uint64_t* from_rows, GatherSource::RowOf row_of,
                                        const std::uint32_t* numbers) const {
  return {.rows = from_rows,
          .row_words = static_cast<int>(row_words),
          .labels = labels.data(),
          .order = numbers,
          .place = place.data(),
          .share = plan.shares.share(),
          .slots = streamed ? static_cast<int>(std::max<std::size_t>(1, streamed->slots())) : 1,
          .batches = plan.shares.batches(),
          .row_of = row_of};
}

DeviceBatch DeviceFrames::Impl::gather(const GatherSource& from, int count, const AugmentationParameters* augmentation,
                                       DeviceBatchBuffer& out, device::StreamHandle stream) const {
  expect(static_cast<std::size_t>(count), static_cast<std::size_t>(out.most_samples()), "samples of a batch on the GPU");
  expect(frames.shape.row_bits(), out.row_bits(), "bits of a row on the GPU");
  const GatherTarget target{out.bits(), out.labels(), out.second_labels(), out.label_share()};
  gather_batch(from, static_cast<int>(frames.shape.row_bits()), count, augmentation, target, stream);
  DeviceBatch batch{.bits = out.bits(), .labels = out.labels(), .samples = count};
  if (from.mixed != nullptr) batch.second_labels = out.second_labels(), batch.label_share = out.label_share();
  return batch;
}

DeviceFrames::DeviceFrames(const FrameSet& frames, const Plan& plan) : impl_(std::make_unique<Impl>(frames, plan)) {}
DeviceFrames::~DeviceFrames() = default;
DeviceFrames::DeviceFrames(DeviceFrames&&) noexcept = default;

Residency DeviceFrames::choose(const FrameSet& frames, const Plan& plan) {
  const std::size_t free = device::free_bytes();
  return choose_residency(plan.residency, Needs(frames, plan).bytes, free > plan.reserve_bytes ? free - plan.reserve_bytes : 0);
}
Residency DeviceFrames::residency() const { return impl_->residency; }

void DeviceFrames::start_epoch(const EpochOrder& order, device::StreamHandle stream) {
  Impl& d = *impl_;
  if (order.batches() != d.plan.shares.batches())
    throw DeviceError(
        cat("an epoch of ", order.batches(), " batches on a GPU that was prepared for ", d.plan.shares.batches()));
  d.started.record(stream);
  const std::vector<std::uint32_t> drawn = d.streamed ? std::vector<std::uint32_t>() : d.plan.shares.trained_by_this(order);
  const std::span<const std::uint32_t> samples = d.streamed ? d.streamed->start_epoch(order) : drawn;
  d.upload_numbers(d.order.data(), samples, stream);
  if (d.exchange) d.start_shard(order, stream);
  else if (d.residency == Residency::shard) upload_rows(d.frames, samples, d.rows.data(), d.upload, stream);
  d.ready.record(stream);
  d.timed = true;
}

double DeviceFrames::start_ms() const { return impl_->timed ? impl_->ready.milliseconds_since(impl_->started) : 0; }

void DeviceFrames::prepare_step(std::int64_t batch, device::StreamHandle stream) {
  if (impl_->streamed) impl_->streamed->prepare_step(batch, stream);
}

DeviceBatch DeviceFrames::gather(const device::StepClock* clock, int first, int count, const Augmentation* augmentation,
                                 DeviceBatchBuffer& out, device::StreamHandle stream) {
  const Impl& d = *impl_;
  expect(static_cast<std::size_t>(first + count), d.share, "samples of the rank's share of a batch");
  using RowOf = GatherSource::RowOf;
  const RowOf row_of = d.residency == Residency::replicate ? RowOf::sample
                       : d.exchange                        ? RowOf::placed
                       : d.residency == Residency::shard   ? RowOf::position
                                                           : RowOf::slot;
  GatherSource from = d.source(d.streamed ? d.streamed->rows() : d.rows.data(), row_of, d.order.data());
  from.clock = clock;
  if (d.streamed) from.mixed = d.streamed->mixed();
  from.first = first;
  return d.gather(from, count, augmentation != nullptr ? &augmentation->parameters() : nullptr, out, stream);
}

DeviceBatch DeviceFrames::gather(std::span<const std::uint32_t> samples, DeviceBatchBuffer& out, device::StreamHandle stream) {
  Impl& d = *impl_;
  expect(samples.size(), d.evaluated.size(), "samples of an evaluated batch on the GPU");
  d.upload_numbers(d.evaluated.data(), samples, stream);
  const bool all = d.residency == Residency::replicate;
  if (!all) upload_rows(d.frames, samples, d.evaluated_rows.data(), d.upload, stream);
  const auto row_of = all ? GatherSource::RowOf::sample : GatherSource::RowOf::position;
  const GatherSource from = d.source(all ? d.rows.data() : d.evaluated_rows.data(), row_of, d.evaluated.data());
  return d.gather(from, static_cast<int>(samples.size()), nullptr, out, stream);
}

}  // namespace dltonic::data
