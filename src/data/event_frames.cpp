#include "dltonic/data/event_frames.h"

#include <algorithm>
#include <utility>

#include "data/framer.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/events/augment.h"
#include "dltonic/events/augment_mix.h"
#include "dltonic/events/checks.h"

namespace dltonic::data {
namespace {

bool one_sample_a_recording(const events::FrameOptions& frames) {
  const events::FrameMode mode = frames.frame_mode();
  return mode == events::FrameMode::time_bins || mode == events::FrameMode::event_bins;
}

}  // namespace

std::string event_augmentation_fault(const Options& options, const std::string& key) {
  if (!options.event_augmentation.any()) return {};
  const std::string wish = cat("data.augmentation.events (", options.event_augmentation.describe(), ")");
  if (key == "kind" && options.kind != "recordings") return cat(wish, " is for recordings; images have no events");
  if (key == "store_events" && !options.store_events)
    return cat(wish, " cuts frames from the events file while training; set data.store_events to true and prepare again");
  if (key == "frames.mode" && !one_sample_a_recording(options.frames)) {
    return cat(wish, " needs one sample a recording, mode time_bins or event_bins; ", options.frames.mode,
               " gives another number of samples where events change");
  }
  return {};
}

/// What one thread needs to make a row.
struct EventFrames::Worker {
  Worker(const Options& options, events::SensorSize sensor, std::uint64_t seed)
      : framer(options.filters, options.frames, sensor),
        augmenter(options.event_augmentation, framer.filters.size_after(), seed) {}
  events::Recording recording, second;
  Framer framer;
  events::Augmenter augmenter;
  events::AugmentMemory mixing;
  RowPlan plan;
  BitMatrix bits;
};

EventFrames::EventFrames(const std::filesystem::path& file, const std::string& settings, const Options& options,
                         const FrameSet& frames, std::vector<std::uint32_t> training, std::uint64_t seed)
    : reader_(file),
      options_(options),
      sensor_{reader_.info().width, reader_.info().height},
      row_bits_(frames.shape.row_bits()),
      training_(std::move(training)),
      seed_(seed) {
  for (const char* key : {"kind", "store_events", "frames.mode"}) {
    if (const std::string fault = event_augmentation_fault(options, key); !fault.empty()) throw ConfigError(fault);
  }
  if (!settings.empty()) reader_.expect_settings(settings);
  const auto& recordings = reader_.recordings();
  const bool alike = recordings.size() == frames.recordings() && frames.size() == frames.recordings() &&
                     std::equal(recordings.begin(), recordings.end(), frames.recording_labels.begin(),
                                [](const auto& recording, std::uint16_t label) { return recording.label == label; });
  if (!alike) {
    throw DataError(cat(file.string(), " holds other recordings (", with_commas(recordings.size()), ") than the frames (",
                        with_commas(frames.recordings()), "): remove both and run dltonic prepare again"));
  }
  if (!options_.frames.fitted_quantiles().empty()) {  // the frames file knows what was fitted
    options_.frames.thresholds = frames.thresholds;
    options_.frames.quantiles.clear();
  }
  auto worker = std::make_unique<Worker>(options_, sensor_, seed_);
  if (worker->framer.maker.row_bits() != row_bits_) {
    throw DataError(cat(file.string(), " gives frames of ", worker->framer.maker.row_bits(), " bits, the prepared ones have ",
                        row_bits_, ": run dltonic prepare again"));
  }
  filtered_ = worker->framer.filters.size_after();
  idle_.push_back(std::move(worker));
  log::info(cat("training frames are cut from events in each epoch, augmented: ", options.event_augmentation.describe(), "; ",
                with_commas(reader_.events()), " events, ", human_bytes(9 * reader_.events()), " of page cache, of ",
                file.string(), "; prepared frames serve evaluation"));
}

EventFrames::~EventFrames() = default;

std::unique_ptr<EventFrames::Worker> EventFrames::take_worker() const {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto worker = std::move(idle_.back());
      idle_.pop_back();
      return worker;
    }
  }
  return std::make_unique<Worker>(options_, sensor_, seed_);
}

void EventFrames::give_back(std::unique_ptr<Worker> worker) const {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(worker));
}

std::uint64_t EventFrames::stored_events(std::uint32_t sample) const { return reader_.recordings()[sample].events; }
std::uint16_t EventFrames::label(std::uint32_t sample) const { return reader_.recordings()[sample].label; }

void EventFrames::read(std::uint32_t sample, Worker& worker, events::Recording& recording) const {
  events::Events& events = recording.events;
  reader_.read(sample, recording);
  with_context(recording.source, [&] {
    events::check_inside(events, sensor_.width, sensor_.height);
    events::check_times(events);
  });
  if (worker.framer.filtered) worker.framer.filters.apply(events);
}

void EventFrames::read(std::uint32_t sample, events::Recording& recording) const {
  auto worker = take_worker();
  read(sample, *worker, recording);
  give_back(std::move(worker));
}

void EventFrames::plan(std::uint32_t sample, std::uint32_t epoch, RowPlan& plan) const {
  const events::AugmentationOptions& o = options_.event_augmentation;
  events::plan_augmentation(o, filtered_, seed_, epoch, sample, plan.steps);
  plan.mixed = false;
  if (!mixes() || training_.empty()) return;
  Random random(seed_, Use::event_mix, epoch, sample);
  const double choice = random.uniform_double();
  if (choice >= o.event_mix + o.cut_mix) return;
  plan.mixed = true;
  MixPlan& mix = plan.mix;
  mix.sample = training_[random.below(static_cast<std::uint32_t>(training_.size()))];
  events::plan_augmentation(o, filtered_, seed_, epoch, mix.sample, mix.steps);
  const double share = events::draw_beta(o.mix_alpha, random);
  mix.cuts = choice >= o.event_mix;
  if (mix.cuts) mix.box = events::draw_box(1 - share, filtered_, random);
  else mix.mask = events::MixShape::draw(1 - share, random);
}

MixedLabel EventFrames::mix(const MixPlan& mix, std::uint32_t epoch, Worker& worker) const {
  read(mix.sample, worker, worker.second);
  worker.augmenter.apply(mix.steps, worker.second.events, epoch, mix.sample);
  events::Events& first = worker.recording.events;
  const events::Events& second = worker.second.events;
  const double kept = mix.cuts ? events::cut_mix(first, second, mix.box, filtered_, worker.mixing)
                               : events::event_mix(first, second, events::MixMask(mix.mask), filtered_, worker.mixing);
  return {.second = worker.second.label, .share = static_cast<float>(kept)};
}

MixedLabel EventFrames::row(std::uint32_t sample, std::uint32_t epoch, std::span<std::uint64_t> out) const {
  const Stopwatch watch;
  auto worker = take_worker();
  RowPlan& plan = worker->plan;
  this->plan(sample, epoch, plan);
  read(sample, *worker, worker->recording);
  worker->augmenter.apply(plan.steps, worker->recording.events, epoch, sample);
  const MixedLabel mixed = plan.mixed ? mix(plan.mix, epoch, *worker) : MixedLabel{};
  const bool mixes = plan.mixed;
  const std::uint64_t events = stored_events(sample) + (mixes ? stored_events(plan.mix.sample) : 0);
  worker->bits.reset(0, row_bits_);
  worker->framer.maker.append_rows(worker->recording.events, worker->bits);
  std::copy(worker->bits.row(0).begin(), worker->bits.row(0).end(), out.begin());
  give_back(std::move(worker));
  count({.recordings = mixes ? 2u : 1u, .events = events, .thread_seconds = watch.seconds()});
  return mixed;
}

void EventFrames::count(const Work& more) const {
  recordings_ += more.recordings;
  events_ += more.events;
  nanoseconds_ += static_cast<std::uint64_t>(1e9 * more.thread_seconds);
  gpu_nanoseconds_ += static_cast<std::uint64_t>(1e9 * more.gpu_seconds);
}

EventFrames::Work EventFrames::take_work() const {
  const Work work{.recordings = recordings_.exchange(0),
                  .events = events_.exchange(0),
                  .thread_seconds = 1e-9 * static_cast<double>(nanoseconds_.exchange(0)),
                  .gpu_seconds = 1e-9 * static_cast<double>(gpu_nanoseconds_.exchange(0))};
  if (work.recordings > 0 && !said_.exchange(true)) {
    const bool gpu = work.gpu_seconds > 0;
    const auto rate = [&](std::uint64_t number) {
      return with_commas(
          static_cast<std::uint64_t>(static_cast<double>(number) / (gpu ? work.gpu_seconds : work.thread_seconds)));
    };
    log::info(cat(gpu ? "the GPU augments and frames " : "a thread reads, augments and frames ", rate(work.recordings),
                  " recordings/s (", rate(work.events), " events/s)"));
  }
  return work;
}

}  // namespace dltonic::data
