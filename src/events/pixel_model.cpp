#include "events/pixel_model.h"

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/normal.h"

namespace dltonic::events {
namespace {

constexpr double kLeast = 1e-3;  // of thresholds and the floor

}  // namespace

PixelGrid::PixelGrid(std::size_t width_in, std::size_t height_in, std::size_t row_in)
    : width(width_in), height(height_in), row(row_in) {
  const std::size_t pixels = (row * height + kPixelLanes - 1) / kPixelLanes * kPixelLanes;
  for (std::size_t i = 0; i < pixels; ++i) {
    column_of.push_back(static_cast<std::uint16_t>(i % row));
    row_of.push_back(static_cast<std::uint16_t>(i / row));
  }
}

void check_pixel_options(const SimulatorOptions& options) {
  if (!(options.threshold_min >= kLeast) || !(options.log_floor >= kLeast)) {
    throw ConfigError(cat("simulator: threshold_min ", options.threshold_min, " and log_floor ", options.log_floor,
                          " must be at least ", kLeast));
  }
}

void draw_pixels(const SimulatorOptions& options, const PixelGrid& grid, Random& random, PixelLevels& levels) {
  const std::size_t pixels = grid.pixels();
  levels.up.assign(pixels, 1e30f);  // beyond the sensor nothing fires
  levels.down.assign(pixels, -1e30f);
  levels.on.resize(pixels);
  levels.minus_off.resize(pixels);
  levels.last_us.assign(pixels, -1e18f);
  const auto sd = static_cast<float>(options.threshold_sd), least = static_cast<float>(options.threshold_min);
  const auto mean_on = static_cast<float>(options.threshold_on), mean_off = static_cast<float>(options.threshold_off);
  const auto& normal = NormalTable::quantiles();
  for (std::size_t y = 0; y < grid.height; ++y) {
    for (std::size_t i = y * grid.row, end = i + grid.width; i < end; ++i) {
      const std::uint32_t word = random.next_u32();
      const float on = std::max(least, mean_on + sd * normal[word >> 20]);
      const float off = std::max(least, mean_off + sd * normal[word >> 8 & 0xFFF]);
      const float phase = (static_cast<float>(word & 0xFF) + 0.5f) / 256.0f * (on + off);
      levels.up[i] = levels.now[i] + (on + off) - phase;
      levels.down[i] = levels.now[i] - phase;
      levels.on[i] = on;
      levels.minus_off[i] = -off;
    }
  }
}

void add_jitter(const SimulatorOptions& options, std::uint32_t end_us, Random& random, EventBuffer& buffer) {
  if (options.jitter_us <= 0) return;
  const auto& normal = NormalTable::quantiles();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < buffer.count; ++i) {
    RawEvent event = buffer.events[i];
    const double t = event.t + options.jitter_us * static_cast<double>(normal[random.next_u32() >> 20]);
    if (t < 0 || t > end_us) continue;
    event.t = static_cast<std::uint32_t>(t);
    buffer.events[kept++] = event;
  }
  buffer.count = kept;
}

void add_noise(const SimulatorOptions& options, const PixelGrid& grid, std::uint32_t end_us, Random& random,
               EventBuffer& buffer) {
  if (options.noise_hz <= 0) return;
  const double mean_gap_us = 1e6 / (options.noise_hz * static_cast<double>(grid.width * grid.height));
  const auto sensor_pixels = static_cast<std::uint32_t>(grid.width * grid.height);
  for (double t = 0;;) {
    t -= mean_gap_us * std::log((static_cast<double>(random.next_u32()) + 0.5) * 0x1.0p-32);
    if (t > static_cast<double>(end_us)) return;
    const std::uint32_t place = random.below(sensor_pixels);
    const auto pixel = static_cast<std::uint32_t>(place / grid.width * grid.row + place % grid.width);
    const bool on = random.uniform_double() < options.noise_on_share;
    buffer.make_room(1);
    buffer.events[buffer.count++] = {static_cast<std::uint32_t>(t), 2 * pixel + (on ? 1 : 0)};
  }
}

}  // namespace dltonic::events
