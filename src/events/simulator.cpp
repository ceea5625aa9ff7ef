// The model, per pixel of the sensor: I(t) is the blurred image at its place of the moment (bilinear, 0 outside),
// L = lin-log(I), low-passed; the pixel fires when L has moved from that of its last event by a threshold,
// at the interpolated time. All pixels advance together from one step of the path to the next, in one loop that the compiler
// vectorises; pixel_events.h has those that fire. Pixels lie in memory as the canvas does (the image with a border, wider
// than the sensor), so that the loop runs over whole rows without a rest; the columns beyond the sensor never fire.
#include "dltonic/events/simulator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "events/pixel_events.h"
#include "events/saccade_path.h"

namespace dltonic::events {
namespace {

constexpr double kLongestStepPx = 0.75;
constexpr double kLongestStepUs = 15000;
constexpr double kLeast = 1e-3;  // of thresholds and the floor

/// Natural logarithm of a positive normal number to 1e-4 absolute (a polynomial over [1, 2) after the exponent is split off):
/// far below any threshold, and it vectorises.
inline float fast_log(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  const auto biased_exponent = static_cast<float>(bits >> 23);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F800000);
  constexpr float kBias = 127 * 0.69314718f;
  return biased_exponent * 0.69314718f +
         (-1.7417939f - kBias + (2.8212026f + (-1.4699568f + (0.44717955f - 0.056570851f * m) * m) * m) * m);
}

/// Standard normal numbers from 12 random bits, by a table of quantiles.
class NormalTable {
 public:
  NormalTable() {
    for (std::size_t i = 0; i < kSize / 2; ++i) {
      // Quantile by bisection: the table is made once a process.
      const double probability = (static_cast<double>(i) + 0.5) / kSize;
      double low = -6, high = 0;
      for (int step = 0; step < 60; ++step) {
        const double middle = 0.5 * (low + high);
        (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? low : high) = middle;
      }
      values_[i] = static_cast<float>(low);
      values_[kSize - 1 - i] = static_cast<float>(-low);
    }
  }
  float operator[](std::uint32_t bits) const { return values_[bits % kSize]; }

 private:
  static constexpr std::size_t kSize = 4096;
  std::array<float, kSize> values_{};
};

const NormalTable& normals() {
  static const NormalTable table;
  return table;
}

/// What a thread needs while it simulates; sized on use.
struct Workspace {
  std::vector<float> canvas, blurred;  // the image with a border, and room behind for a row
  PixelLevels levels;
  EventBuffer events;
};

}  // namespace

struct Simulator::State {
  SimulatorOptions options;
  std::size_t image_width, image_height, width, height;
  std::vector<PathStep> path;
  std::vector<float> lag;     ///< [step] share of the change since the last step that the low-pass holds back
  std::vector<float> kernel;  ///< blur, odd number of taps; empty: none
  // The canvas holds the image with so much dark around it that the sensor sees canvas everywhere on the path.
  std::size_t canvas_width, canvas_height, left, top;
  std::size_t pixels;  ///< canvas_width a row of the sensor, padded to whole lanes
  std::uint32_t end_us;
  std::vector<std::uint16_t> column_of, row_of;  ///< [pixel]

  State(const SimulatorOptions& options_in, int image_width_in, int image_height_in, int sensor_width, int sensor_height);
  void draw_pixels(Random& random, Workspace& work) const;
  void paint(std::span<const std::uint8_t> image, Workspace& work) const;
  void look(std::size_t step, Workspace& work) const;
  void add_jitter(Random& random, EventBuffer& buffer) const;
  void add_noise(Random& random, EventBuffer& buffer) const;
};

Simulator::State::State(const SimulatorOptions& options_in, int image_width_in, int image_height_in, int sensor_width,
                        int sensor_height)
    : options(options_in) {
  const auto refuse = [](const std::string& what) { throw ConfigError("simulator: " + what); };
  if (image_width_in < 1 || image_height_in < 1 || sensor_width < 1 || sensor_height < 1) {
    refuse(cat("images of ", image_width_in, " x ", image_height_in, " on a sensor of ", sensor_width, " x ", sensor_height,
               " pixels"));
  }
  if (options.path_x.size() != options.path_y.size() || options.path_x.size() < 2) {
    refuse(cat("the path has ", options.path_x.size(), " columns and ", options.path_y.size(),
               " rows; both lists need the same length, at least 2"));
  }
  for (const std::vector<double>* corners : {&options.path_x, &options.path_y}) {
    for (const double corner : *corners) {
      if (!(std::abs(corner) <= 4096)) refuse(cat("a corner of the path at ", corner, " pixels; at most 4096 are supported"));
    }
  }
  if (!(options.threshold_min >= kLeast) || !(options.log_floor >= kLeast))
    refuse(cat("threshold_min ", options.threshold_min, " and log_floor ", options.log_floor, " must be at least ", kLeast));
  const double duration = options.knot_us * static_cast<double>(options.path_x.size() - 1);
  if (!(options.knot_us > 0) || duration > 2.0e9)
    refuse(cat("knot_us ", options.knot_us, " gives a recording of ", duration, " us; it must last above 0 and at most 2e9"));

  image_width = static_cast<std::size_t>(image_width_in);
  image_height = static_cast<std::size_t>(image_height_in);
  width = static_cast<std::size_t>(sensor_width);
  height = static_cast<std::size_t>(sensor_height);
  end_us = static_cast<std::uint32_t>(duration);
  path = saccade_path(options, kLongestStepPx, kLongestStepUs);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double dt = i == 0 ? 0 : path[i].t_us - path[i - 1].t_us;
    lag.push_back(i > 0 && options.lowpass_us > 0 ? static_cast<float>(std::exp(-dt / options.lowpass_us)) : 0.0f);
  }

  std::size_t reach = 0;
  if (options.blur_px > 0) {
    reach = static_cast<std::size_t>(std::ceil(3 * options.blur_px));
    double sum = 0;
    for (std::size_t i = 0; i <= 2 * reach; ++i) {
      const double z = (static_cast<double>(i) - static_cast<double>(reach)) / options.blur_px;
      kernel.push_back(static_cast<float>(std::exp(-0.5 * z * z)));
      sum += kernel.back();
    }
    for (float& tap : kernel) tap = static_cast<float>(tap / sum);
  }
  // Sensor column X shows image columns X − floor(x) − 1 and X − floor(x).
  const auto margins = [reach](const std::vector<double>& corners, std::size_t image, std::size_t sensor) {
    const auto [low, high] = std::minmax_element(corners.begin(), corners.end());
    const auto most = static_cast<std::ptrdiff_t>(std::floor(*high)), least = static_cast<std::ptrdiff_t>(std::floor(*low));
    const auto r = static_cast<std::ptrdiff_t>(reach);
    const std::ptrdiff_t before = std::max(most + 1, r),
                         after = std::max(static_cast<std::ptrdiff_t>(sensor) - least - static_cast<std::ptrdiff_t>(image), r);
    return std::pair{static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, before)),
                     static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, after))};
  };
  const auto [margin_left, margin_right] = margins(options.path_x, image_width, width);
  const auto [margin_top, margin_bottom] = margins(options.path_y, image_height, height);
  left = margin_left;
  top = margin_top;
  canvas_width = left + image_width + margin_right;
  canvas_height = top + image_height + margin_bottom;
  pixels = (canvas_width * height + kPixelLanes - 1) / kPixelLanes * kPixelLanes;
  for (std::size_t i = 0; i < pixels; ++i) {
    column_of.push_back(static_cast<std::uint16_t>(i % canvas_width));
    row_of.push_back(static_cast<std::uint16_t>(i / canvas_width));
  }
}

/// Thresholds, and how far each pixel is from firing when the recording starts.
void Simulator::State::draw_pixels(Random& random, Workspace& work) const {
  PixelLevels& levels = work.levels;
  levels.up.assign(pixels, 1e30f);  // beyond the sensor nothing fires
  levels.down.assign(pixels, -1e30f);
  levels.on.resize(pixels);
  levels.minus_off.resize(pixels);
  levels.last_us.assign(pixels, -1e18f);
  const auto sd = static_cast<float>(options.threshold_sd), least = static_cast<float>(options.threshold_min);
  const auto mean_on = static_cast<float>(options.threshold_on), mean_off = static_cast<float>(options.threshold_off);
  const NormalTable& normal = normals();
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t i = y * canvas_width, end = i + width; i < end; ++i) {
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

void Simulator::State::paint(std::span<const std::uint8_t> image, Workspace& work) const {
  work.canvas.assign(canvas_width * (canvas_height + 1) + kPixelLanes, 0.0f);
  for (std::size_t y = 0; y < image_height; ++y) {
    float* row = work.canvas.data() + (top + y) * canvas_width + left;
    for (std::size_t x = 0; x < image_width; ++x) row[x] = static_cast<float>(image[y * image_width + x]) * (1.0f / 255.0f);
  }
  if (kernel.empty()) return;
  // Rows, then columns; only where the image reaches. The margins are at least as wide as the kernel.
  const std::size_t reach = kernel.size() / 2;
  const std::size_t x0 = left - reach, x1 = left + image_width + reach, y1 = top + image_height + reach;
  work.blurred.assign(canvas_width * canvas_height, 0.0f);
  for (std::size_t y = top; y < top + image_height; ++y) {
    const float* from = work.canvas.data() + y * canvas_width;
    float* to = work.blurred.data() + y * canvas_width;
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      // Column x takes from x + k − reach; outside the image there is nothing to take.
      const std::size_t begin = std::max(x0, left + reach - k), end = std::min(x1, left + image_width + reach - k);
      for (std::size_t x = begin; x < end; ++x) to[x] += kernel[k] * from[x + k - reach];
    }
  }
  std::fill(work.canvas.begin(), work.canvas.end(), 0.0f);
  for (std::size_t y = top - reach; y < y1; ++y) {
    float* to = work.canvas.data() + y * canvas_width;
    for (std::size_t k = 0; k < kernel.size(); ++k) {
      if (y + k < top + reach || y + k >= top + image_height + reach) continue;
      const float* from = work.blurred.data() + (y + k - reach) * canvas_width;
      for (std::size_t x = x0; x < x1; ++x) to[x] += kernel[k] * from[x];
    }
  }
}

/// work.now = low-passed lin-log of what the pixels see at this step of the path.
void Simulator::State::look(std::size_t step, Workspace& work) const {
  const PathStep& at = path[step];
  const double floor_x = std::floor(at.x), floor_y = std::floor(at.y);
  const float sign = options.dark_on_bright ? -1.0f : 1.0f, dark = options.dark_on_bright ? 1.0f : 0.0f;
  const auto fx = static_cast<float>(at.x - floor_x), fy = static_cast<float>(at.y - floor_y);
  const float w00 = sign * (1 - fx) * (1 - fy), w01 = sign * fx * (1 - fy), w10 = sign * (1 - fx) * fy, w11 = sign * fx * fy;
  const auto floor = static_cast<float>(options.log_floor);
  const float slope = 1 / floor, shift = std::log(floor) - 1;  // the line meets the logarithm with its slope
  const float hold = lag[step];
  // Image column 0 lies at canvas column `left`; the same for rows.
  const auto x0 = static_cast<std::ptrdiff_t>(left) - static_cast<std::ptrdiff_t>(floor_x);
  const auto y0 = static_cast<std::ptrdiff_t>(top) - static_cast<std::ptrdiff_t>(floor_y);
  const auto row = static_cast<std::ptrdiff_t>(canvas_width), n = static_cast<std::ptrdiff_t>(pixels);
  const float* here = work.canvas.data() + y0 * row + x0;
  const float* before = work.levels.before.data();
  float* now = work.levels.now.data();
#pragma GCC ivdep
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const float light = dark + w00 * here[i] + w01 * here[i - 1] + w10 * here[i - row] + w11 * here[i - row - 1];
    // Above the floor the line lies over the logarithm, below it under the floor's.
    const float seen = std::min(light * slope + shift, fast_log(std::max(light, floor)));
    now[i] = seen + hold * (before[i] - seen);
  }
}

/// What jitter takes out of the recording's time is lost, as in a cut.
void Simulator::State::add_jitter(Random& random, EventBuffer& buffer) const {
  if (options.jitter_us <= 0) return;
  const NormalTable& normal = normals();
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

void Simulator::State::add_noise(Random& random, EventBuffer& buffer) const {
  if (options.noise_hz <= 0) return;
  const double mean_gap_us = 1e6 / (options.noise_hz * static_cast<double>(width * height));
  const auto sensor_pixels = static_cast<std::uint32_t>(width * height);
  for (double t = 0;;) {
    t -= mean_gap_us * std::log((static_cast<double>(random.next_u32()) + 0.5) * 0x1.0p-32);
    if (t > static_cast<double>(end_us)) return;
    const std::uint32_t place = random.below(sensor_pixels);
    const auto pixel = static_cast<std::uint32_t>(place / width * canvas_width + place % width);
    const bool on = random.uniform_double() < options.noise_on_share;
    buffer.make_room(1);
    buffer.events[buffer.count++] = {static_cast<std::uint32_t>(t), 2 * pixel + (on ? 1 : 0)};
  }
}

Simulator::Simulator(const SimulatorOptions& options, int image_width, int image_height, int sensor_width, int sensor_height)
    : state_(std::make_unique<const State>(options, image_width, image_height, sensor_width, sensor_height)) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator& Simulator::operator=(Simulator&&) noexcept = default;

void Simulator::simulate(std::span<const std::uint8_t> image, std::uint32_t index, Events& out) const {
  const State& state = *state_;
  if (image.size() != state.image_width * state.image_height) {
    throw DataError(cat("simulator: an image of ", image.size(), " pixels, but this simulator was made for ", state.image_width,
                        " x ", state.image_height));
  }
  thread_local Workspace work;
  Random random(state.options.seed, Use::simulator, index);
  work.events.count = 0;
  PixelLevels& levels = work.levels;
  levels.now.assign(state.pixels, 0.0f);
  levels.before.assign(state.pixels, 0.0f);
  state.paint(image, work);
  state.look(0, work);
  state.draw_pixels(random, work);
  const double refractory_us = state.options.refractory_us;
  for (std::size_t step = 1; step < state.path.size(); ++step) {
    levels.before.swap(levels.now);
    state.look(step, work);
    fire(levels, state.path[step - 1].t_us, state.path[step].t_us, refractory_us, work.events);
  }
  state.add_jitter(random, work.events);
  state.add_noise(random, work.events);
  write_sorted(work.events, state.end_us, state.column_of, state.row_of, out);
}

}  // namespace dltonic::events
