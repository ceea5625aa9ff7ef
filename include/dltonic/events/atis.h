/// The ATIS 5-byte format of N-MNIST, N-Caltech101 and SLAYER (Orchard et al. 2015): big-endian x(8) y(8) p(1) t(23),
/// microseconds. A row with y == 240 is an overflow marker: 2^13 us are added to all that follows and the row is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::events {

struct DecodeReport {
  std::size_t events = 0;
  std::size_t overflow_rows = 0;
  std::size_t back_steps = 0;  ///< events whose time is before that of the event in front of them
  bool operator==(const DecodeReport&) const = default;
};

/// Replaces `out` by the events in `bytes`; keeps the memory of `out` where it suffices. Times come as they are: what to do
/// about back steps is the caller's choice (check_times, sort_by_time).
/// Throws DataError for a cut file (length no multiple of 5), naming the byte, and for times past 2^32 us.
DecodeReport decode_atis(std::span<const std::byte> bytes, Events& out);
/// The same, one row at a time: the path of other architectures and the oracle of the vectorised one.
DecodeReport decode_atis_scalar(std::span<const std::byte> bytes, Events& out);

/// The rows that decode to `events`, with overflow markers where a time does not fit 23 bits.
/// Throws DataError where x > 255, y > 255 or y == 240, or where a time lies below the overflow already written.
std::vector<std::byte> encode_atis(const Events& events);

/// Throws DataError where an event lies outside the sensor, naming event, coordinates and sensor.
void check_inside(const Events& events, int width, int height);
/// Throws DataError where time runs backwards, naming the event and both times.
void check_times(const Events& events);
/// Stable: events of equal time keep their order.
void sort_by_time(Events& events);

}  // namespace dltonic::events
