/// Random recordings for property tests.
#pragma once

#include <cstdint>

#include "dltonic/core/random.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

/// n events inside the sensor, times that do not decrease, gaps of 0 … longest_gap_us.
inline Events random_events(std::size_t n, int width, int height, std::uint32_t longest_gap_us, std::uint32_t seed) {
  Random random(seed, Use::test);
  Events events;
  std::uint32_t t = random.below(1000);
  for (std::size_t i = 0; i < n; ++i) {
    events.x.push_back(static_cast<std::uint16_t>(random.below(static_cast<std::uint32_t>(width))));
    events.y.push_back(static_cast<std::uint16_t>(random.below(static_cast<std::uint32_t>(height))));
    events.t.push_back(t);
    events.p.push_back(static_cast<std::uint8_t>(random.below(2)));
    t += random.below(longest_gap_us + 1);
  }
  return events;
}

inline bool same(const Events& a, const Events& b) { return a.x == b.x && a.y == b.y && a.t == b.t && a.p == b.p; }

}  // namespace dltonic::events
