// Frames of every kind of values, and simulated recordings, on one core.
#include <benchmark/benchmark.h>

#include <cmath>

#include "dltonic/events/frames.h"
#include "dltonic/events/image_file.h"
#include "dltonic/events/strokes.h"
#include "sample_recordings.h"

namespace {

using namespace dltonic;
using namespace dltonic::events;

/// 10 bins, both polarities; thresholds by their number alone.
FrameOptions options_for(const std::string& values, const std::string& dtype) {
  FrameOptions options;
  options.values = values;
  options.dtype = dtype;
  if (options.numbers()) return options;
  if (values == "recency") options.thresholds = {4000, 8000, 16000, 4294967295.0};
  if (values == "voxel") options.thresholds = {0.001, 0.5, 1};
  return options;
}

void frames(benchmark::State& state, const std::string& values, const std::string& dtype = "bits") {
  FrameMaker maker(options_for(values, dtype), benchmarks::kSensor, benchmarks::kSensor);
  BitMatrix bits;
  for (auto _ : state) {
    bits.reset(0, maker.row_bits());
    for (const Events& events : benchmarks::recordings()) maker.append_rows(events, bits);
    benchmark::DoNotOptimize(bits.words().data());
  }
  const double loops = static_cast<double>(state.iterations() * benchmarks::recordings().size());
  state.counters["recordings/s"] = benchmark::Counter(loops, benchmark::Counter::kIsRate);
  state.counters["bits"] = static_cast<double>(maker.row_bits());
}
BENCHMARK_CAPTURE(frames, bits, std::string("bits"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, counts, std::string("counts"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, recency, std::string("recency"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, voxel, std::string("voxel"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, time_surface, std::string("time_surface"))->Unit(benchmark::kMillisecond);

BENCHMARK_CAPTURE(frames, counts_float16, std::string("counts"), std::string("float16"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, recency_float16, std::string("recency"), std::string("float16"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, voxel_float16, std::string("voxel"), std::string("float16"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(frames, time_surface_float16, std::string("time_surface"), std::string("float16"))
    ->Unit(benchmark::kMillisecond);

void set_made(benchmark::State& state, std::size_t events) {
  const auto recordings = static_cast<double>(state.iterations());
  state.counters["recordings/s"] = benchmark::Counter(recordings, benchmark::Counter::kIsRate);
  state.counters["events"] = static_cast<double>(events) / recordings;
}

/// configs/dataset/cifar10dvs_sim.yaml on an image of waves.
void simulate_loop(benchmark::State& state) {
  SimulatorOptions options;
  options.motion = "loop";
  options.loop_px = 8;
  options.dark_on_bright = false;
  options.threshold_on = options.threshold_off = 0.285;
  GreyImage image{32, 32, {}};
  for (int i = 0; i < 32 * 32; ++i) {
    const double wave = std::sin(0.7 * (i % 32)) + std::cos(0.5 * (i / 32) + 0.1 * (i % 32));
    image.pixels.push_back(static_cast<std::uint8_t>(100 + 45 * wave));
  }
  const Simulator simulator(options, 144, 144, 128, 128);
  Events events;
  std::size_t made = 0;
  for (auto _ : state) {
    simulator.simulate(scaled(image, 144, 144).pixels, 1, events);
    made += events.size();
  }
  set_made(state, made);
}
BENCHMARK(simulate_loop)->Unit(benchmark::kMillisecond);

/// configs/dataset/gesture_sim.yaml.
void simulate_strokes(benchmark::State& state) {
  const StrokeSimulator simulator({}, {}, 128, 128);
  Events events;
  std::size_t made = 0;
  std::uint32_t group = 0;
  for (auto _ : state) {
    simulator.simulate(group++, 3, events);
    made += events.size();
  }
  set_made(state, made);
}
BENCHMARK(simulate_strokes)->Unit(benchmark::kMillisecond);

}  // namespace
