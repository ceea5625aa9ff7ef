/// A clock of 32 bits that wraps, carried on in 64: both AEDAT 2.0 and DAT have one, and records of eight bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "events/block_decoder.h"

namespace dltonic::events {

class Clock32 {
 public:
  /// The upper 32 bits of the time whose lower ones are `low`. A fall by more than 2^31 us is a wrap. So is a rise by more,
  /// back over the wrap in front: an event that comes late. Before the first wrap a rise is just a long pause.
  std::int64_t epoch_of(std::uint32_t low) const {
    constexpr std::uint32_t kHalf = 1u << 31;
    if (low < last_ && last_ - low > kHalf) return epoch_ + 1;
    if (low > last_ && low - last_ > kHalf && epoch_ > 0) return epoch_ - 1;
    return epoch_;
  }
  void set(std::int64_t epoch, std::uint32_t low) { epoch_ = epoch, last_ = low; }
  std::int64_t epoch() const { return epoch_; }
  /// Times whose highest bit is this one lie in the same epoch as the last.
  std::uint32_t highest_bit() const { return last_ >> 31; }

 private:
  std::int64_t epoch_ = 0;
  std::uint32_t last_ = 0;
};

constexpr std::size_t kClockedRecordBytes = 8;

/// Decodes records of eight bytes by `layout`:
///   is_event(from)              whether the record is an event
///   time(from)                  its 32-bit time
///   write(from, out, at)        writes x, y, p; counts what is odd about the event
///   blocks(from, n, bit, out, at)  vectorised: decodes from the first of n records on while all are plain events whose times
///                                  have the highest bit `bit`; returns how many records (0: none, or no vectors)
template <class Layout>
BlockDecoder::Step decode_clocked(Layout& layout, std::span<const std::byte> bytes, const EventSink& sink, Clock32& clock,
                                  DecodeReport& report) {
  constexpr std::size_t kScalarRecords = 8;
  const EventSink out = sink;
  const std::size_t records = bytes.size() / kClockedRecordBytes;
  BlockDecoder::Step step{0, 0, clock.epoch()};
  std::size_t i = 0, count = 0;
  const auto stop = [&] {
    step.bytes = i * kClockedRecordBytes;
    step.events = count;
    return step;
  };
  while (i < records && count < out.room) {
    const std::byte* from = bytes.data() + i * kClockedRecordBytes;
    const std::size_t plain = layout.blocks(from, std::min(records - i, out.room - count), clock.highest_bit(), out, count);
    if (plain > 0) {
      i += plain;
      count += plain;
      clock.set(clock.epoch(), out.t[count - 1]);
      continue;
    }
    const std::size_t end = std::min(records, i + kScalarRecords);
    for (; i < end && count < out.room; ++i, from += kClockedRecordBytes) {
      if (!layout.is_event(from)) {
        ++report.skipped;
        continue;
      }
      const std::uint32_t time = layout.time(from);
      const std::int64_t epoch = clock.epoch_of(time);
      if (count > 0 && epoch != step.epoch) return stop();
      step.epoch = epoch;
      clock.set(epoch, time);
      report.wraps = std::max(report.wraps, static_cast<std::size_t>(epoch));
      layout.write(from, out, count);
      out.t[count++] = time;
    }
  }
  return stop();
}

}  // namespace dltonic::events
