/// The pixels of the simulated sensor that fire between two steps of the path, and their events in the order of time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// As many pixels are looked at together; the vectors below hold a multiple of it.
constexpr std::size_t kPixelLanes = 8;

/// [pixel] log intensities.
struct PixelLevels {
  std::vector<float> before, now;    ///< at the last step of the path, at this one
  std::vector<float> up, down;       ///< where the next event ON and the next OFF is; apart by both thresholds
  std::vector<float> on, minus_off;  ///< what an event adds to both: threshold_on, −threshold_off
  std::vector<float> last_us;        ///< time of the last event
};

/// Time, and pixel · 2 + polarity.
struct RawEvent {
  std::uint32_t t, code;
};

/// Events in the order in which they are made.
struct EventBuffer {
  std::vector<RawEvent> events, sorted;  ///< room; the first `count` are events
  std::size_t count = 0;

  void make_room(std::size_t more) {
    if (events.size() < count + more) events.resize(2 * (count + more) + 1024);
  }
};

/// Appends what the pixels do between two times, eight of them after the other: first an event of each that fires, at the
/// interpolated time, then a second of those that have moved by several thresholds, and so on. Changes within refractory_us
/// of a pixel's last event are lost; 0: none. Times up to 2^31 us.
void fire(PixelLevels& levels, double from_us, double to_us, double refractory_us, EventBuffer& buffer);

/// Replaces `out` by the events, sorted by time (at most last_t); those of one time stay in the order of the buffer, which is
/// left undefined. column_of and row_of: [pixel].
void write_sorted(EventBuffer& buffer, std::uint32_t last_t, std::span<const std::uint16_t> column_of,
                  std::span<const std::uint16_t> row_of, Events& out);

}  // namespace dltonic::events
