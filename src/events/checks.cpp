#include "dltonic/events/checks.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/time_order.h"

namespace dltonic::events {

void check_inside(const Events& events, int width, int height) {
  std::uint16_t most_x = 0, most_y = 0;
  for (const std::uint16_t x : events.x) most_x = std::max(most_x, x);
  for (const std::uint16_t y : events.y) most_y = std::max(most_y, y);
  if (most_x < width && most_y < height) return;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.x[i] >= width || events.y[i] >= height) {
      throw DataError(cat("event ", i, " of ", events.size(), " at x ", events.x[i], ", y ", events.y[i],
                          " lies outside the sensor of ", width, " x ", height, " pixels"));
    }
  }
}

void check_times(const Events& events) {
  for (std::size_t i = 1; i < events.size(); ++i) {
    if (events.t[i] < events.t[i - 1]) {
      throw DataError(cat("time runs backwards at event ", i, " of ", events.size(), ": ", events.t[i], " us after ",
                          events.t[i - 1], " us"));
    }
  }
}

void sort_by_time(Events& events) {
  if (std::is_sorted(events.t.begin(), events.t.end())) return;
  AugmentMemory memory;
  memory.keys.resize(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) memory.keys[i] = std::uint64_t{events.t[i]} << 32 | i;
  order_by_keys(events, memory);
}

}  // namespace dltonic::events
