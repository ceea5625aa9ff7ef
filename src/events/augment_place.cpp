#include <algorithm>
#include <cmath>
#include <numbers>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/augment_steps.h"
#include "dltonic/events/normal.h"
#include "events/keep.h"

namespace dltonic::events {
namespace {

constexpr int kLargestSensor = 8191;  // so that the sums of map_linear stay below 2^31

std::uint16_t small(int value) { return static_cast<std::uint16_t>(value); }

/// x + by of a ring of `size` places.
void roll_column(std::vector<std::uint16_t>& column, int by, int size) {
  const auto step = small((by % size + size) % size), ring = small(size);
  for (std::uint16_t& value : column) {
    const unsigned moved = unsigned{value} + step;
    value = static_cast<std::uint16_t>(moved >= ring ? moved - ring : moved);
  }
}

void jitter_column(std::vector<std::uint16_t>& column, const std::uint32_t* word, float scale, int size) {
  std::uint16_t* value = column.data();
  for (std::size_t i = 0, n = column.size(); i < n; ++i) {
    const int at = value[i] + NormalTable::rounded(NormalTable::normal(word[i]), scale);
    value[i] = small(std::clamp(at, 0, size - 1));
  }
}

}  // namespace

void flip_x(Events& events, int width) {
  const auto last = small(width - 1);
  for (std::uint16_t& x : events.x) x = static_cast<std::uint16_t>(last - x);
}
void flip_y(Events& events, int height) {
  const auto last = small(height - 1);
  for (std::uint16_t& y : events.y) y = static_cast<std::uint16_t>(last - y);
}

void roll(Events& events, int dx, int dy, SensorSize sensor) {
  roll_column(events.x, dx, sensor.width);
  roll_column(events.y, dy, sensor.height);
}

void shift(Events& events, int dx, int dy, SensorSize sensor, AugmentMemory& memory) {
  crop(events, -dx, -dy, sensor.width, sensor.height, memory.marks);
}

LinearMap LinearMap::rotation(double degrees) {
  const double angle = degrees * std::numbers::pi / 180;
  return {.xx = std::cos(angle), .xy = -std::sin(angle), .yx = std::sin(angle), .yy = std::cos(angle)};
}
LinearMap LinearMap::shear(double degrees) { return {.xy = std::tan(degrees * std::numbers::pi / 180)}; }

void map_linear(Events& events, const LinearMap& map, SensorSize sensor, AugmentMemory& memory) {
  if (std::max(sensor.width, sensor.height) > kLargestSensor) {
    throw ConfigError(cat("a sensor of ", sensor.width, " x ", sensor.height,
                          " pixels cannot be rotated or sheared: ", kLargestSensor, " a side at most"));
  }
  const auto fixed_point = [](double value) { return static_cast<std::int32_t>(std::lround(value * 65536)); };
  const std::int32_t xx = fixed_point(map.xx), xy = fixed_point(map.xy), yx = fixed_point(map.yx), yy = fixed_point(map.yy);
  const std::int32_t last_x = sensor.width - 1, last_y = sensor.height - 1;
  const std::int32_t width = sensor.width, height = sensor.height;
  const std::size_t n = events.size();
  memory.marks.resize(n);
  std::uint16_t *xs = events.x.data(), *ys = events.y.data();
  std::uint8_t* mark = memory.marks.data();
  for (std::size_t i = 0; i < n; ++i) {
    // Twice the distance from the centre, so that it is whole; 2^17 is then one pixel.
    const std::int32_t x = 2 * xs[i] - last_x, y = 2 * ys[i] - last_y;
    const std::int32_t to_x = (xx * x + xy * y + last_x * 65536 + 65536) >> 17;
    const std::int32_t to_y = (yx * x + yy * y + last_y * 65536 + 65536) >> 17;
    mark[i] = static_cast<std::uint8_t>(to_x >= 0) & static_cast<std::uint8_t>(to_x < width) &
              static_cast<std::uint8_t>(to_y >= 0) & static_cast<std::uint8_t>(to_y < height);
    xs[i] = small(to_x);
    ys[i] = small(to_y);
  }
  keep_marked(events, memory.marks);
}

void jitter_place(Events& events, double sd_pixels, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory) {
  const std::size_t n = events.size();
  memory.words.resize(2 * n);
  draws.fill(memory.words);
  const auto scale = static_cast<float>(sd_pixels / 65536);
  jitter_column(events.x, memory.words.data(), scale, sensor.width);
  jitter_column(events.y, memory.words.data() + n, scale, sensor.height);
}

void flip_polarity(Events& events) {
  for (std::uint8_t& p : events.p) p ^= 1u;
}

}  // namespace dltonic::events
