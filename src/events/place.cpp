#include "events/place.h"

#include <algorithm>

namespace dltonic::events {

std::uint64_t place_centred(Recording& recording, int width, int height) {
  Events& e = recording.events;
  int own_width = recording.width, own_height = recording.height;
  for (std::size_t i = 0; i < e.size(); ++i) {  // also where the format tells a size: nothing is to fall out of the area
    own_width = std::max(own_width, static_cast<int>(e.x[i]) + 1);
    own_height = std::max(own_height, static_cast<int>(e.y[i]) + 1);
  }
  recording.width = static_cast<std::uint16_t>(own_width);
  recording.height = static_cast<std::uint16_t>(own_height);
  const int dx = (width - own_width) / 2, dy = (height - own_height) / 2;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    const int x = e.x[i] + dx, y = e.y[i] + dy;
    if (x < 0 || x >= width || y < 0 || y >= height) continue;
    e.x[kept] = static_cast<std::uint16_t>(x);
    e.y[kept] = static_cast<std::uint16_t>(y);
    e.t[kept] = e.t[i];
    e.p[kept] = e.p[i];
    ++kept;
  }
  const std::uint64_t outside = e.size() - kept;
  e.resize(kept);
  return outside;
}

}  // namespace dltonic::events
