// Speed of the events module on one core: the functions that `dltonic prepare` calls, on N-MNIST-like recordings.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "dltonic/core/file.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/events/atis.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/simulator.h"
#include "dltonic/events/source.h"

namespace {

using namespace dltonic;
using namespace dltonic::events;
namespace fs = std::filesystem;

constexpr int kSensor = 34, kImage = 28;
constexpr std::uint32_t kRecordings = 512;

/// Handwriting-like images: a bright stroke, 2 to 3 pixels wide, along a random curve.
std::vector<std::uint8_t> stroke_image(std::uint32_t index) {
  Random random(1, Use::test, index);
  std::vector<std::uint8_t> image(kImage * kImage, 0);
  const double a = 4 + 4 * random.uniform_double(), b = 5 + 4 * random.uniform_double(), turn = 6.28 * random.uniform_double();
  for (double s = 0; s < 5.0; s += 0.05) {
    const double cx = 14 + a * std::sin(s + turn), cy = 14 + b * std::cos(1.3 * s);
    for (int y = 0; y < kImage; ++y) {
      for (int x = 0; x < kImage; ++x) {
        const double light = 255 * std::clamp(1.9 - std::hypot(x - cx, y - cy), 0.0, 1.0);
        std::uint8_t& pixel = image[static_cast<std::size_t>(y * kImage + x)];
        pixel = std::max(pixel, static_cast<std::uint8_t>(light));
      }
    }
  }
  return image;
}

/// Recordings in the file format, in memory: real ones where they are there, simulated ones otherwise.
const std::vector<std::vector<std::byte>>& recordings() {
  static const auto made = [] {
    std::vector<std::vector<std::byte>> files;
    const fs::path real = fs::path(DLTONIC_TEST_DATA) / "nmnist" / "Train";
    if (std::string(DLTONIC_TEST_DATA).empty() || !fs::is_directory(real)) {
      const Simulator simulator({}, kImage, kImage, kSensor, kSensor);
      Events events;
      for (std::uint32_t i = 0; i < kRecordings; ++i) {
        simulator.simulate(stroke_image(i), i, events);
        files.push_back(encode_atis(events));
      }
      return files;
    }
    SourceOptions options;
    options.root = real.parent_path().string();
    const auto source = make_source(options);
    for (std::size_t i = 0; i < kRecordings && i < source->size(); ++i)
      files.push_back(read_file(real.parent_path() / source->item(i).name));
    return files;
  }();
  return made;
}

std::size_t all_events() {
  std::size_t bytes = 0;
  for (const auto& file : recordings()) bytes += file.size();
  return bytes / 5;
}

void set_rates(benchmark::State& state) {
  const auto loops = static_cast<double>(state.iterations());
  state.counters["events/s"] = benchmark::Counter(loops * static_cast<double>(all_events()), benchmark::Counter::kIsRate);
  state.counters["recordings/s"] =
      benchmark::Counter(loops * static_cast<double>(recordings().size()), benchmark::Counter::kIsRate);
}

void decode(benchmark::State& state) {
  Events events;
  for (auto _ : state) {
    for (const auto& file : recordings()) benchmark::DoNotOptimize(decode_atis(file, events));
  }
  set_rates(state);
}

void decode_scalar(benchmark::State& state) {
  Events events;
  for (auto _ : state) {
    for (const auto& file : recordings()) benchmark::DoNotOptimize(decode_atis_scalar(file, events));
  }
  set_rates(state);
}

/// With the check of the sensor, as prepare runs it.
void decode_and_check(benchmark::State& state) {
  Events events;
  for (auto _ : state) {
    for (const auto& file : recordings()) {
      benchmark::DoNotOptimize(decode_atis(file, events));
      check_inside(events, kSensor, kSensor);
    }
  }
  set_rates(state);
}

/// Decode, check, bit frames of 10 time bins and both polarities.
void decode_and_bit_frames(benchmark::State& state) {
  Events events;
  FrameMaker maker({}, kSensor, kSensor);
  BitMatrix bits;
  for (auto _ : state) {
    bits.reset(0, maker.features());
    for (const auto& file : recordings()) {
      decode_atis(file, events);
      check_inside(events, kSensor, kSensor);
      maker.append_bits(events, bits);
    }
    benchmark::DoNotOptimize(bits.words().data());
  }
  set_rates(state);
}

void decode_denoise_and_bit_frames(benchmark::State& state) {
  Events events;
  FrameMaker maker({}, kSensor, kSensor);
  Filters filters({.denoise_us = 10000, .refractory_us = 0}, Compat::none, kSensor, kSensor);
  BitMatrix bits;
  for (auto _ : state) {
    bits.reset(0, maker.features());
    for (const auto& file : recordings()) {
      decode_atis(file, events);
      check_inside(events, kSensor, kSensor);
      filters.apply(events);
      maker.append_bits(events, bits);
    }
    benchmark::DoNotOptimize(bits.words().data());
  }
  set_rates(state);
}

/// Through the source: open, read, decode, check.
void read_files(benchmark::State& state) {
  const fs::path root = fs::temp_directory_path() / cat("dltonic_bench_events_", ::getpid());
  fs::create_directories(root / "Train" / "0");
  for (std::size_t i = 0; i < recordings().size(); ++i) {
    const auto& file = recordings()[i];
    write_file_atomic(root / "Train" / "0" / cat(10000 + i, ".bin"), {reinterpret_cast<const char*>(file.data()), file.size()});
  }
  SourceOptions options;
  options.root = root.string();
  const auto source = make_source(options);
  Recording recording;
  for (auto _ : state) {
    for (std::size_t i = 0; i < source->size(); ++i) source->read(i, recording);
  }
  set_rates(state);
  fs::remove_all(root);
}

void simulate(benchmark::State& state) {
  const Simulator simulator({}, kImage, kImage, kSensor, kSensor);
  std::vector<std::vector<std::uint8_t>> images;
  for (std::uint32_t i = 0; i < 64; ++i) images.push_back(stroke_image(i));
  Events events;
  std::size_t made = 0;
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < images.size(); ++i) {
      simulator.simulate(images[i], i, events);
      made += events.size();
    }
  }
  const double loops = static_cast<double>(state.iterations() * images.size());
  state.counters["recordings/s"] = benchmark::Counter(loops, benchmark::Counter::kIsRate);
  state.counters["events"] = static_cast<double>(made) / loops;
}

BENCHMARK(decode)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_scalar)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_and_check)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_and_bit_frames)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_denoise_and_bit_frames)->Unit(benchmark::kMillisecond);
BENCHMARK(read_files)->Unit(benchmark::kMillisecond);
BENCHMARK(simulate)->Unit(benchmark::kMillisecond);

}  // namespace
