#include "data/gpu/streamed_rows.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"
#include "dltonic/device/device.h"

namespace dltonic::data {
namespace {

/// Batches that are cut from events at once, at most.
constexpr std::size_t kMostBatches = 32;

}  // namespace

StreamedRows::StreamedRows(const FrameSet& frames, const DeviceFrames::Plan& plan, std::size_t other_bytes)
    : frames_(frames),
      shares_(plan.shares),
      cut_(plan.cut),
      planned_at_once_(plan.planned_at_once),
      row_words_(frames.bits.row_words()),
      share_(static_cast<std::size_t>(plan.shares.share())) {
  if (share_ == 0) return;
  if (cut_ != nullptr) {
    at_once_ = std::clamp<std::size_t>(plan.cut_at_once / share_, 1, kMostBatches);
    make_cutter(other_bytes);
    if (!cutter_) at_once_ = 1;
  }
  ring_.emplace(at_once_, shares_.batches(), plan.epochs);
  filled_ = std::vector<device::Event>(ring_->slots());
  rows_ = device::Buffer<std::uint64_t>(slots() * share_ * row_words_);
  if (cut_ != nullptr && cut_->mixes()) mixed_ = device::Buffer<MixedLabel>(slots() * share_);
  if (cutter_) return;
  upload_.emplace(share_ * row_bytes());
  mixed_of_batch_.resize(share_);
  if (mixed_.size() > 0) mixed_upload_.emplace(share_ * sizeof(MixedLabel));
}

StreamedRows::~StreamedRows() {
  try {  // rows of batches that nobody trains any more may be on their way
    copies_.synchronize();
  } catch (const DeviceError&) {  // an earlier one's, told to whoever waited for its work
  }
}

void StreamedRows::make_cutter(std::size_t other_bytes) {
  const std::string& wish = cut_->options().framing;
  if (wish == "host") {
    log::info("data.framing host: this rank's threads cut the rows of training from events, a batch ahead of the GPU");
    return;
  }
  const DeviceEvents::Most most{.cut = at_once_ * share_, .planned = std::max(at_once_ * share_, planned_at_once_)};
  const std::size_t wanted = other_bytes + 2 * most.cut * (row_bytes() + sizeof(MixedLabel));
  std::string fault = DeviceEvents::fault(*cut_, most, wanted);
  if (fault.empty()) {  // but a rank that shares the GPU may have seen the same memory free
    try {
      cutter_.emplace(*cut_, most, copies_);
      if (const std::size_t left = device::free_bytes(); left < wanted)
        fault = cat("others of this GPU leave ", human_bytes(left), " where ", human_bytes(wanted), " are still wanted");
    } catch (const DeviceError& error) {
      fault = error.what();
    }
    if (!fault.empty()) cutter_.reset();
  }
  if (!fault.empty() && wish == "gpu") throw DeviceError(cat("data.framing gpu: ", fault, "; auto or host cuts them there"));
  log::info(fault.empty() ? cat("data.framing gpu", wish == "gpu" ? "" : " (auto)",
                                ": events of training lie in GPU memory, where rows are cut from them")
                          : cat("data.framing host (auto): ", fault, "; this rank's threads cut the rows of training"));
}

std::span<const std::uint32_t> StreamedRows::start_epoch(const EpochOrder& order) {
  if (!next_order_) next_order_ = order;
  if (following_.epoch == order.epoch()) running_ = std::exchange(following_, {});
  else running_ = {order.epoch(), shares_.trained_by_this(order)};
  return running_.samples;
}

/// What this rank trains in the running epoch or in the one after it, whose order is drawn here first.
const StreamedRows::EpochSamples& StreamedRows::samples_of(std::int64_t epoch) {
  if (epoch == running_.epoch) return running_;
  if (epoch != following_.epoch) {
    next_order_->start(static_cast<std::uint32_t>(epoch));
    following_ = {epoch, shares_.trained_by_this(*next_order_)};
  }
  return following_;
}

void StreamedRows::prepare_step(std::int64_t batch, device::StreamHandle stream) {
  if (share_ == 0) return;
  if ((static_cast<std::size_t>(batch) + 1) * share_ > running_.samples.size())
    throw DeviceError(cat("step ", batch + 1, " of an epoch that has ", running_.samples.size() / share_));
  const auto running = static_cast<std::size_t>(running_.epoch) * ring_->batches() + static_cast<std::size_t>(batch);
  for (auto coming = ring_->next(running); coming.count > 0; coming = ring_->next(running)) fetch(coming, stream);
  if (const auto slot = ring_->waited_for(running)) device::wait(stream, filled_[*slot]);
}

/// Brings the rows of batches to their slots, once the steps that are enqueued on `stream` are done with these.
void StreamedRows::fetch(const BatchRing::Fetch& batches, device::StreamHandle stream) {
  free_.record(stream);
  copies_.wait(free_);
  const EpochSamples& of_epoch = samples_of(static_cast<std::int64_t>(batches.first / ring_->batches()));
  const auto samples = std::span(of_epoch.samples).subspan(batches.first % ring_->batches() * share_, batches.count * share_);
  if (cutter_) cut_on_gpu(batches, of_epoch);
  else if (cut_ != nullptr) cut_on_host(batches.slot, samples, static_cast<std::uint32_t>(of_epoch.epoch));
  else upload_rows(frames_, samples, rows_of(batches.slot), *upload_, copies_);
  filled_[batches.slot].record(copies_);
}

void StreamedRows::cut_on_gpu(const BatchRing::Fetch& batches, const EpochSamples& of_epoch) {
  if (batches.first < planned_ || batches.first + batches.count > planned_end_) {
    const std::size_t of_epochs_first = batches.first % ring_->batches(), left = ring_->batches() - of_epochs_first;
    const std::size_t count = std::min(std::max(batches.count, planned_at_once_ / share_), left);
    planned_ = planned_end_ = 0;  // where the next line throws
    cutter_->plan(std::span(of_epoch.samples).subspan(of_epochs_first * share_, count * share_),
                  static_cast<std::uint32_t>(of_epoch.epoch), copies_);
    planned_ = batches.first;
    planned_end_ = planned_ + count;
  }
  cutter_->cut((batches.first - planned_) * share_, batches.count * share_, rows_of(batches.slot), mixed_of(batches.slot),
               copies_);
}

/// Into the pinned buffer that the GPU reads.
void StreamedRows::cut_on_host(std::size_t slot, std::span<const std::uint32_t> samples, std::uint32_t epoch) {
  ThreadError error;
  const auto cut_row = [&](std::size_t i, std::byte* memory) {
    error.keep(i, [&] {
      mixed_of_batch_[i] = cut_->row(samples[i], epoch, {reinterpret_cast<std::uint64_t*>(memory), row_words_});
    });
  };
  (*upload_)(rows_of(slot), samples.size(), row_bytes(), cut_row, copies_, Upload::Work::made);
  error.rethrow();
  if (!mixed_upload_) return;
  const auto copy_label = [&](std::size_t i, std::byte* memory) {
    std::memcpy(memory, &mixed_of_batch_[i], sizeof(MixedLabel));
  };
  (*mixed_upload_)(mixed_of(slot), samples.size(), sizeof(MixedLabel), copy_label, copies_);
}

}  // namespace dltonic::data
