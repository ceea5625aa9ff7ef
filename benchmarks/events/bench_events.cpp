// Speed of the events module on one core: the functions that `dltonic prepare` calls, on N-MNIST-like recordings.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/events/atis.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/decoder.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/simulator.h"
#include "dltonic/events/source.h"
#include "sample_recordings.h"

namespace {

using namespace dltonic;
using namespace dltonic::events;
using namespace dltonic::benchmarks;
namespace fs = std::filesystem;

void set_rates(benchmark::State& state) {
  const auto loops = static_cast<double>(state.iterations());
  state.counters["events/s"] = benchmark::Counter(loops * static_cast<double>(all_events()), benchmark::Counter::kIsRate);
  state.counters["recordings/s"] =
      benchmark::Counter(loops * static_cast<double>(recording_files().size()), benchmark::Counter::kIsRate);
}

void decode(benchmark::State& state) {
  Recording recording;
  for (auto _ : state) {
    for (const auto& file : recording_files()) benchmark::DoNotOptimize(decode(Format::atis, file, {}, recording));
  }
  set_rates(state);
}

void decode_scalar(benchmark::State& state) {
  Recording recording;
  for (auto _ : state) {
    for (const auto& file : recording_files())
      benchmark::DoNotOptimize(decode(Format::atis, file, {.vectors = false}, recording));
  }
  set_rates(state);
}

/// With the check of the sensor, as prepare runs it.
void decode_and_check(benchmark::State& state) {
  Recording recording;
  for (auto _ : state) {
    for (const auto& file : recording_files()) {
      benchmark::DoNotOptimize(decode(Format::atis, file, {}, recording));
      check_inside(recording.events, kSensor, kSensor);
    }
  }
  set_rates(state);
}

/// Decode, check, bit frames of 10 time bins and both polarities.
void decode_and_bit_frames(benchmark::State& state) {
  Recording recording;
  FrameMaker maker({}, kSensor, kSensor);
  BitMatrix bits;
  for (auto _ : state) {
    bits.reset(0, maker.features());
    for (const auto& file : recording_files()) {
      decode(Format::atis, file, {}, recording);
      check_inside(recording.events, kSensor, kSensor);
      maker.append_rows(recording.events, bits);
    }
    benchmark::DoNotOptimize(bits.words().data());
  }
  set_rates(state);
}

void decode_denoise_and_bit_frames(benchmark::State& state) {
  Recording recording;
  FrameMaker maker({}, kSensor, kSensor);
  Filters filters({.denoise_us = 10000, .refractory_us = 0}, Compat::none, kSensor, kSensor);
  BitMatrix bits;
  for (auto _ : state) {
    bits.reset(0, maker.features());
    for (const auto& file : recording_files()) {
      decode(Format::atis, file, {}, recording);
      check_inside(recording.events, kSensor, kSensor);
      filters.apply(recording.events);
      maker.append_rows(recording.events, bits);
    }
    benchmark::DoNotOptimize(bits.words().data());
  }
  set_rates(state);
}

/// Through the source: open, read, decode, check.
void read_files(benchmark::State& state) {
  const fs::path root = fs::temp_directory_path() / cat("dltonic_bench_events_", ::getpid());
  fs::create_directories(root / "Train" / "0");
  for (std::size_t i = 0; i < recording_files().size(); ++i) {
    const auto& file = recording_files()[i];
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
