// Speed of filters and augmentations on one core: the functions that `dltonic prepare` and training call, on N-MNIST-like
// recordings. Every round works on a copy, whose cost is the benchmark `copy`; rates are of the events that go in.
#include <benchmark/benchmark.h>

#include "dltonic/events/augment.h"
#include "dltonic/events/augment_mix.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"
#include "sample_recordings.h"

namespace {

using namespace dltonic;
using namespace dltonic::events;
using namespace dltonic::benchmarks;

/// change(events, recording) on a copy of every recording. `inputs`: recordings that go into one change.
template <class Change>
void run(benchmark::State& state, Change change, int inputs = 1) {
  Events events;
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < recordings().size(); ++i) {
      events = recordings()[i];
      change(events, i);
      benchmark::DoNotOptimize(events.t.data());
    }
  }
  const auto loops = static_cast<double>(state.iterations() * inputs);
  state.counters["events/s"] = benchmark::Counter(loops * static_cast<double>(all_events()), benchmark::Counter::kIsRate);
  state.counters["recordings/s"] =
      benchmark::Counter(loops * static_cast<double>(recordings().size()), benchmark::Counter::kIsRate);
}

void copy(benchmark::State& state) {
  run(state, [](Events&, std::uint32_t) {});
}
BENCHMARK(copy);

void filter(benchmark::State& state, const FilterOptions& options) {
  Filters filters(options, Compat::none, kSensor, kSensor);
  run(state, [&](Events& events, std::uint32_t) { filters.apply(events); });
}
BENCHMARK_CAPTURE(filter, denoise, {.denoise_us = 10000});
BENCHMARK_CAPTURE(filter, refractory, {.refractory_us = 1000});
BENCHMARK_CAPTURE(filter, hot_pixels, {.hot_pixel_sd = 3});
BENCHMARK_CAPTURE(filter, decimation, {.decimation = 3});
BENCHMARK_CAPTURE(filter, center_crop, {.center_crop = {28, 28}});

/// One step of training's augmentation, on for every recording.
void augment(benchmark::State& state, const AugmentationOptions& options) {
  Augmenter augmenter(options, {kSensor, kSensor}, 1);
  std::uint32_t epoch = 0;
  run(state, [&](Events& events, std::uint32_t recording) {
    if (recording == 0) ++epoch;
    augmenter.apply(events, epoch, recording);
  });
}
BENCHMARK_CAPTURE(augment, reverse_time, {.reverse_time = 1});
BENCHMARK_CAPTURE(augment, time_skew, {.time_skew = 0.2});
BENCHMARK_CAPTURE(augment, delete_time, {.delete_time = 0.2});
BENCHMARK_CAPTURE(augment, time_jitter, {.time_jitter_us = 2000});
BENCHMARK_CAPTURE(augment, flip_x, {.flip_x = 1});
BENCHMARK_CAPTURE(augment, flip_y, {.flip_y = 1});
BENCHMARK_CAPTURE(augment, shear, {.shear = 15});
BENCHMARK_CAPTURE(augment, rotate, {.rotate = 15});
BENCHMARK_CAPTURE(augment, roll, {.roll = 4});
BENCHMARK_CAPTURE(augment, shift, {.shift = 4});
BENCHMARK_CAPTURE(augment, spatial_jitter, {.spatial_jitter = 1});
BENCHMARK_CAPTURE(augment, flip_polarity, {.flip_polarity = 1});
BENCHMARK_CAPTURE(augment, drop, {.drop = 0.3});
BENCHMARK_CAPTURE(augment, drop_time, {.drop_time = 0.2});
BENCHMARK_CAPTURE(augment, drop_area, {.drop_area = 0.2});
BENCHMARK_CAPTURE(augment, event_drop, {.event_drop = 1});
BENCHMARK_CAPTURE(augment, noise, {.noise = 0.1});

/// What training makes of a recording: checks, two augmentations, bit frames of 10 time bins.
void training_row(benchmark::State& state) {
  Augmenter augmenter({.shift = 3, .event_drop = 0.75}, {kSensor, kSensor}, 1);
  FrameMaker maker({}, kSensor, kSensor);
  BitMatrix row;
  run(state, [&](Events& events, std::uint32_t recording) {
    check_inside(events, kSensor, kSensor);
    check_times(events);
    augmenter.apply(events, 0, recording);
    row.reset(0, maker.features());
    maker.append_rows(events, row);
    benchmark::DoNotOptimize(row.words().data());
  });
}
BENCHMARK(training_row);

/// Two recordings go in; the rate is of the events of both.
void mix(benchmark::State& state, bool cut) {
  AugmentMemory memory;
  run(
      state,
      [&](Events& events, std::uint32_t recording) {
        Random random(1, Use::event_mix, 0, recording);
        const Events& second = recordings()[(recording + 100) % recordings().size()];
        const double share = draw_beta(1, random);
        const SensorSize sensor{kSensor, kSensor};
        if (cut) cut_mix(events, second, draw_box(1 - share, sensor, random), sensor, memory);
        else event_mix(events, second, MixMask(MixShape::draw(1 - share, random)), sensor, memory);
      },
      2);
}
BENCHMARK_CAPTURE(mix, cut_mix, true);
BENCHMARK_CAPTURE(mix, event_mix, false);

}  // namespace
