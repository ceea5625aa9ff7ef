// Recordings of 10 million events, made while they are read: they pass through a bounded memory.
#include "dltonic/events/decoder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>

#include "dltonic/core/file.h"
#include "support/recording_writers.h"

namespace dltonic::events {
namespace {

constexpr std::int64_t kEvents = 10'000'000, kPiece = 20'000;

/// Event i of a recording of 25 s: no format's places or times are passed.
TimedEvent event(std::int64_t i) {
  const auto turn = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15u >> 40;
  return {i * 5 / 2, static_cast<std::uint16_t>(turn % 128), static_cast<std::uint16_t>(turn / 128 % 128),
          turn / 16384 % 2 == 0};
}

/// Gives the recording's bytes without ever holding more than a piece of it.
ByteSource made_on_the_way(Format format, bool zstd) {
  struct State {
    RecordingWriter writer;
    std::int64_t next = 0;
    std::vector<std::byte> bytes;
    std::size_t used = 0;
  };
  auto state = std::make_shared<State>(State{RecordingWriter(format, kEvents, zstd), 0, {}, 0});
  return [state](std::span<std::byte> to) {
    if (state->used == state->bytes.size() && state->next < kEvents) {
      std::vector<TimedEvent> events;
      for (std::int64_t i = 0; i < kPiece; ++i) events.push_back(event(state->next++));
      state->writer.write(events);
      state->bytes = state->writer.take();
      state->used = 0;
    }
    const std::size_t count = std::min(to.size(), state->bytes.size() - state->used);
    std::copy_n(state->bytes.begin() + static_cast<std::ptrdiff_t>(state->used), count, to.begin());
    state->used += count;
    return count;
  };
}

std::int64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

void expect_all_events(EventStream& stream) {
  EventBlock block;
  std::int64_t i = 0, wrong = 0;
  while (stream.next(block, 10'000)) {
    for (std::size_t k = 0; k < block.events.size(); ++k, ++i) {
      const TimedEvent sent = event(i);
      const bool same = block.t_offset + block.events.t[k] == sent.t && block.events.x[k] == sent.x &&
                        block.events.y[k] == sent.y && block.events.p[k] == sent.p;
      wrong += same ? 0 : 1;
    }
  }
  EXPECT_EQ(i, kEvents);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(stream.report().events, static_cast<std::size_t>(kEvents));
}

TEST(EventStream, TenMillionEventsOfEachFormatPassThroughLittleMemory) {
  const std::int64_t before = peak_memory_bytes();
  for (const Format format : {Format::atis, Format::aedat2, Format::aedat3, Format::aedat4, Format::dat, Format::npy}) {
    for (const bool zstd : {false, true}) {
      if (zstd && format != Format::aedat4) continue;
      SCOPED_TRACE(std::string(name_of(format)) + (zstd ? " zstd" : ""));
      EventStream stream(format, made_on_the_way(format, zstd));
      expect_all_events(stream);
    }
  }
  // All at once they would take 90 MB as events, and 50 to 320 MB as bytes.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which keep what was freed
  EXPECT_LT(peak_memory_bytes() - before, 12 << 20);
#else
  EXPECT_LT(peak_memory_bytes() - before, 400 << 20);
#endif
}

TEST(EventStream, ReadsFilesAndSaysWhatItCannotRead) {
  const std::string file = std::string(DLTONIC_FIXTURES) + "/events_formats/lz4.aedat4";
  EventStream stream(Format::aedat4, file_source(file));
  EXPECT_EQ(stream.width(), 0);
  EventBlock block;
  std::size_t events = 0;
  while (stream.next(block, 70)) events += block.events.size();
  EXPECT_EQ(events, 300u);
  EXPECT_EQ(stream.width(), 64);
  EXPECT_FALSE(stream.next(block, 70));  // the end stays the end
  EXPECT_EQ(block.events.size(), 0u);
  EXPECT_THROW(file_source(file + ".gone"), StorageError);
  const ByteSource folder = file_source(DLTONIC_FIXTURES);
  std::byte byte{};
  EXPECT_THROW(folder({&byte, 1}), StorageError);
}

}  // namespace
}  // namespace dltonic::events
