// Speed of the decoders on one core, from memory: recordings as long as those of the data sets that come in each format.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "dltonic/core/file.h"
#include "dltonic/core/random.h"
#include "support/recording_writers.h"

namespace {

using namespace dltonic;
using namespace dltonic::events;

/// Events of a sensor of 128 x 128 in clusters of pixels, as moving edges make them: 2 us apart on average.
std::vector<TimedEvent> edge_events(std::size_t count, std::uint32_t seed) {
  Random random(seed, Use::test);
  std::vector<TimedEvent> events;
  std::int64_t t = 1000;
  for (std::uint32_t edge = 0; events.size() < count; edge = edge * 5 + random.below(7)) {
    for (std::uint32_t i = 0; i < 24 && events.size() < count; ++i) {
      t += random.below(5);
      events.push_back({t, static_cast<std::uint16_t>((edge + random.below(4)) % 128),
                        static_cast<std::uint16_t>((edge / 128 + i) % 128), static_cast<std::uint8_t>(edge % 2)});
    }
  }
  return events;
}

struct Recordings {
  std::vector<std::vector<std::byte>> files;
  std::size_t events = 0;
};

Recordings made(Format format, std::size_t recordings, std::size_t events, std::size_t packet, bool zstd = false) {
  Recordings out;
  for (std::size_t i = 0; i < recordings; ++i) {
    const auto all = edge_events(events, static_cast<std::uint32_t>(i));
    RecordingWriter writer(format, events, zstd);
    for (std::size_t at = 0; at < events; at += packet) {
      const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(events, at + packet));
      writer.write({all.begin() + static_cast<std::ptrdiff_t>(at), end});
    }
    out.files.push_back(writer.take());
    out.events += events;
  }
  return out;
}

/// The real recording of tests and benchmarks, where it is there.
Recordings aedat4() {
  const std::string sample = std::string(DLTONIC_TEST_DATA) + "/aedat4/sample.aedat4";
  if (!std::filesystem::exists(sample)) return made(Format::aedat4, 4, 100'000, 1000);
  Recordings out;
  out.files.push_back(read_file(sample));
  Recording recording;
  out.events = decode(Format::aedat4, out.files.back(), {}, recording).events;
  return out;
}

void decode_all(benchmark::State& state, Format format, const Recordings& recordings, const DecodeOptions& options) {
  Recording recording;
  std::size_t events = 0;
  for (auto _ : state) {
    for (const auto& file : recordings.files) events += decode(format, file, options, recording).events;
  }
  if (events != recordings.events * static_cast<std::size_t>(state.iterations())) state.SkipWithError("events are missing");
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void stream_all(benchmark::State& state, Format format, const Recordings& recordings) {
  EventBlock block;
  std::size_t events = 0;
  for (auto _ : state) {
    for (const auto& file : recordings.files) {
      EventStream stream(format, memory_source(file));
      while (stream.next(block, 10'000)) events += block.events.size();
    }
  }
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void add(const std::string& name, Format format, Recordings (*make)()) {
  const auto recordings = std::make_shared<Recordings>(make());
  const auto run = [=](const DecodeOptions& options) {
    return [=](benchmark::State& state) { decode_all(state, format, *recordings, options); };
  };
  benchmark::RegisterBenchmark(("decode/" + name).c_str(), run({}));
  benchmark::RegisterBenchmark(("decode_scalar/" + name).c_str(), run({.vectors = false}));
  benchmark::RegisterBenchmark(("stream/" + name).c_str(),
                               [=](benchmark::State& state) { stream_all(state, format, *recordings); });
}

}  // namespace

int main(int argc, char** argv) {
  add("atis", Format::atis, [] { return made(Format::atis, 256, 4200, 4200); });
  add("aedat2", Format::aedat2, [] { return made(Format::aedat2, 8, 200'000, 1000); });
  add("aedat3", Format::aedat3, [] { return made(Format::aedat3, 4, 400'000, 1000); });
  add("aedat4", Format::aedat4, aedat4);
  add("aedat4_zstd", Format::aedat4, [] { return made(Format::aedat4, 4, 100'000, 1000, true); });
  add("dat", Format::dat, [] { return made(Format::dat, 256, 4000, 4000); });
  add("npy", Format::npy, [] { return made(Format::npy, 4, 100'000, 1000); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
