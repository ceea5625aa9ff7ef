/// The decoder of one format, fed with bytes as they come: what `decode` and `EventStream` have in common.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dltonic/events/decoder.h"

namespace dltonic::events {

/// Where a step writes its events: `room` of each.
struct EventSink {
  std::uint16_t* x;
  std::uint16_t* y;
  std::uint32_t* t;  ///< the lower 32 bits of the time
  std::uint8_t* p;
  std::size_t room;
};

class BlockDecoder {
 public:
  struct Step {
    std::size_t bytes = 0;   ///< read, of those that were offered
    std::size_t events = 0;  ///< written
    std::int64_t epoch = 0;  ///< the upper 32 bits of all their times
  };

  BlockDecoder() = default;
  virtual ~BlockDecoder() = default;
  BlockDecoder(const BlockDecoder&) = delete;
  BlockDecoder& operator=(const BlockDecoder&) = delete;

  /// Goes on with `bytes`, the first of which lies at byte `at` of the recording, until they are used up, until `out`
  /// (room >= 1) is full, or until a time has another epoch. Neither bytes nor events: it needs more bytes than were offered.
  virtual Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) = 0;
  /// The recording ends at byte `end` and the last `rest` bytes were not enough for a step. Throws DataError where it is cut.
  virtual void finish(std::uint64_t end, std::size_t rest) = 0;
  /// How many events `bytes` bytes may hold: exact where all records are events of one size.
  virtual std::size_t first_guess(std::size_t bytes) const = 0;
  /// Whether times count from the recording's own beginning rather than from a clock's.
  virtual bool begins_at_zero() const = 0;

  /// All but events and back steps, which are counted where blocks are put together.
  DecodeReport report;
  std::uint16_t width = 0, height = 0;
};

std::unique_ptr<BlockDecoder> make_decoder(Format format, const DecodeOptions& options);

/// The times of all events so far.
class TimeLine {
 public:
  void add(std::int64_t epoch, std::span<const std::uint32_t> low);

  bool empty() const { return empty_; }
  std::int64_t earliest() const { return earliest_; }
  std::int64_t latest() const { return latest_; }
  std::size_t back_steps() const { return back_steps_; }

 private:
  bool empty_ = true;
  std::int64_t earliest_ = 0, latest_ = 0, last_ = 0;
  std::size_t back_steps_ = 0;
};

}  // namespace dltonic::events
