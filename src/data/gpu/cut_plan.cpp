#include "data/gpu/cut_plan.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "dltonic/comm/world.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"
#include "dltonic/events/augment_steps.h"
#include "dltonic/events/normal.h"

namespace dltonic::data {

static_assert(std::is_trivially_copyable_v<CutRow> && std::is_trivially_copyable_v<events::PlannedStep> &&
              std::is_trivially_copyable_v<events::MixShape>);
static_assert(sizeof(CutRow) % alignof(events::PlannedStep) == 0);
static_assert(sizeof(events::PlannedStep) % alignof(events::MixShape) == 0);

std::string fault_of_frames(const EventFrames& cut, std::uint64_t largest) {
  // Counts, and sums of voxel weights of up to 1024 an event, are kept in 32 bits; places of events and keys too.
  constexpr std::uint64_t kMostEvents = std::uint64_t{1} << 21;
  const events::FrameOptions& frames = cut.options().frames;
  if (frames.numbers()) return cat("frames of dtype ", frames.dtype, " are cut on the host");
  if (frames.compat_kind() != events::Compat::none) return cat("frames of compat ", frames.compat, " are cut on the host");
  const double noise = 1 + cut.options().event_augmentation.noise;
  if (static_cast<double>(largest) * noise > static_cast<double>(kMostEvents)) {
    return cat("a recording has ", with_commas(largest), " events, a GPU's blocks cut those of up to ",
               with_commas(static_cast<std::uint64_t>(static_cast<double>(kMostEvents) / noise)));
  }
  return {};
}

std::vector<std::uint64_t> limits_of(const EventFrames& cut) {
  const events::SensorSize sensor = cut.sensor();
  return events::FrameMaker(cut.options().frames, sensor.width, sensor.height).limits();
}

TeamFrames frames_of(const EventFrames& cut, const std::uint64_t* limits) {
  const events::FrameOptions& frames = cut.options().frames;
  const events::SensorSize sensor = cut.sensor();
  TeamFrames made{.values = frames.frame_values(),
                  .by_time = frames.frame_mode() == events::FrameMode::time_bins,
                  .merged = frames.merged(),
                  .bins = frames.bins,
                  .downsample = frames.downsample,
                  .width = events::downsampled(sensor.width, frames),
                  .height = events::downsampled(sensor.height, frames),
                  .levels = frames.levels(),
                  .limits = limits};
  made.plain = made.values == events::FrameValues::bits && frames.downsample_count == 1;
  made.features = static_cast<std::uint32_t>(made.bins * made.levels) * made.places();
  return made;
}

TeamDraws draws_of(const EventFrames& cut, std::uint32_t epoch, const std::int32_t* normal) {
  return {.seed = cut.seed(),
          .epoch = epoch,
          .normal = normal,
          .first_block = events::EventDraws::kFirstBlock,
          .width = cut.sensor().width,
          .height = cut.sensor().height};
}

CutRoom::CutRoom(const EventFrames& cut, std::uint64_t largest, const TeamFrames& frames) {
  const events::AugmentationOptions& o = cut.options().event_augmentation;
  const auto noise = static_cast<std::uint64_t>(std::llround(o.noise * static_cast<double>(largest)));
  events = (largest + noise) * (cut.mixes() ? 2 : 1) + 1;
  if (o.noise > 0 || o.time_jitter_us > 0) keys = std::max<std::uint64_t>({largest, noise, 1});
  if (!frames.plain) values = static_cast<std::uint64_t>(frames.bins) * frames.places();
  if (o.event_mix > 0) cells = events::MixShape::kCells;
}

/// Rows that one thread plans in less time than it takes to wake others: 0.1 us each, or some with what mixes two.
constexpr std::size_t kAlone = 1024, kMixedAlone = 32;

/// Steps and masks are counted from the part's first.
void CutPlans::Part::draw(const EventFrames& cut, std::uint32_t sample, std::uint32_t epoch, CutRow& row) {
  cut.plan(sample, epoch, plan);
  const auto add = [&](const events::AugmentationPlan& more, std::uint32_t& first, std::uint32_t& count) {
    first = static_cast<std::uint32_t>(steps.size());
    count = static_cast<std::uint32_t>(more.size());
    steps.insert(steps.end(), more.begin(), more.end());
  };
  row.sample = sample;
  add(plan.steps, row.first_step, row.steps);
  if (!plan.mixed) return;
  const MixPlan& mix = plan.mix;
  row.second = mix.sample;
  add(mix.steps, row.second_first_step, row.second_steps);
  row.second_label = cut.label(mix.sample);
  if (!mix.cuts) {
    row.mask = static_cast<std::uint32_t>(masks.size());
    masks.push_back(mix.mask);
    return;
  }
  row.box = mix.box;
  row.share = events::share_outside(mix.box, cut.sensor());
}

void CutPlans::draw(const EventFrames& cut, std::span<const std::uint32_t> samples, std::uint32_t epoch) {
  const std::size_t n = samples.size(), alone = cut.mixes() ? kMixedAlone : kAlone;
  const std::size_t threads = n > alone ? static_cast<std::size_t>(omp_get_max_threads()) : 1;
  const auto share_of_part = [&](std::size_t p) { return comm::share_of(n, static_cast<int>(p), static_cast<int>(threads)); };
  parts_.resize(threads);
  rows_.assign(n, {});
  ThreadError error;
#pragma omp parallel for schedule(static, 1) if (threads > 1)
  for (std::size_t p = 0; p < threads; ++p) {
    error.keep(p, [&] {
      Part& part = parts_[p];
      part.steps.clear();
      part.masks.clear();
      const auto share = share_of_part(p);
      for (std::size_t i = share.first; i < share.first + share.count; ++i) part.draw(cut, samples[i], epoch, rows_[i]);
    });
  }
  error.rethrow();
  steps_ = masks_ = 0;
  for (std::size_t p = 0; p < threads; ++p) {
    const auto share = share_of_part(p);
    for (CutRow& row : std::span(rows_).subspan(share.first, share.count)) {
      row.first_step += static_cast<std::uint32_t>(steps_);
      row.second_first_step += static_cast<std::uint32_t>(steps_);
      if (row.mask != CutRow::kNone) row.mask += static_cast<std::uint32_t>(masks_);
    }
    steps_ += parts_[p].steps.size();
    masks_ += parts_[p].masks.size();
  }
}

EventFrames::Work CutPlans::work(const EventFrames& cut, std::size_t first, std::size_t count) const {
  EventFrames::Work work;
  const auto add = [&](std::uint32_t sample) {
    work.recordings += 1;
    work.events += cut.stored_events(sample);
  };
  for (const CutRow& row : std::span(rows_).subspan(first, count)) {
    add(row.sample);
    if (row.second != CutRow::kNone) add(row.second);
  }
  return work;
}

void CutPlans::write(std::byte* memory) const {
  const auto add = [&memory](const auto& items) {
    const std::size_t bytes = items.size() * sizeof items[0];
    if (bytes > 0) std::memcpy(memory, items.data(), bytes);
    memory += bytes;
  };
  add(rows_);
  for (const Part& part : parts_) add(part.steps);
  for (const Part& part : parts_) add(part.masks);
}

CutPlan CutPlans::at(const std::byte* memory) const {
  return {.rows = reinterpret_cast<const CutRow*>(memory),
          .steps = reinterpret_cast<const events::PlannedStep*>(memory + steps_at()),
          .masks = reinterpret_cast<const events::MixShape*>(memory + masks_at())};
}

}  // namespace dltonic::data
