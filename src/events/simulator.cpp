// The model, per pixel of the sensor: I(t) is the blurred image at its place of the moment (bilinear, 0 outside),
// L = lin-log(I), low-passed; the pixel remembers the L of its last event and fires when L has moved from it by a threshold,
// at the interpolated time. All pixels advance together from one step of the path to the next; the arithmetic over pixels is
// written so that the compiler vectorises it, and only pixels that fire leave that path.
#include "dltonic/events/simulator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "events/saccade_path.h"

namespace dltonic::events {
namespace {

constexpr double kLongestStepPx = 0.75;
constexpr double kLongestStepUs = 15000;
constexpr double kLeastThreshold = 1e-3;
constexpr std::size_t kLanes = 8;  // pixels are padded to whole vectors

/// Natural logarithm of a positive normal number to 1e-4 absolute (a polynomial over [1, 2) after the exponent is split off):
/// far below any threshold, and it vectorises.
inline float fast_log(float value) {
  const auto bits = std::bit_cast<std::int32_t>(value);
  const auto exponent = static_cast<float>((bits >> 23) - 127);
  const float m = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F800000);
  const float log_m = -1.7417939f + (2.8212026f + (-1.4699568f + (0.44717955f - 0.056570851f * m) * m) * m) * m;
  return exponent * 0.69314718f + log_m;
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

/// Event before sorting: time, and pixel · 2 + polarity.
struct RawEvent {
  std::uint32_t t, pixel;
};

/// Stable least-digit-first radix sort by time, 11 bits a pass.
void sort_events(std::vector<RawEvent>& events, std::vector<RawEvent>& other, std::uint32_t last_t) {
  constexpr unsigned kDigit = 11;
  other.resize(events.size());
  for (unsigned shift = 0; shift < 32 && (last_t >> shift) != 0; shift += kDigit) {
    std::array<std::uint32_t, 1u << kDigit> start{};
    for (const RawEvent& event : events) ++start[(event.t >> shift) & ((1u << kDigit) - 1)];
    std::uint32_t sum = 0;
    for (std::uint32_t& count : start) sum += std::exchange(count, sum);
    for (const RawEvent& event : events) other[start[(event.t >> shift) & ((1u << kDigit) - 1)]++] = event;
    events.swap(other);
  }
}

/// What a thread needs while it simulates; sized on use.
struct Workspace {
  std::vector<float> canvas, blurred;               // the image with a border
  std::vector<float> before, now, memory, on, off;  // [pixel] L of the last step, of this one, at the last event; thresholds
  std::vector<float> last_us;                       // [pixel] time of the last event
  std::vector<std::uint8_t> fires;                  // [pixel]
  std::vector<RawEvent> events, sorted;             // room; the first `count` are events
  std::size_t count = 0;
};

}  // namespace

struct Simulator::State {
  SimulatorOptions options;
  std::size_t image_width, image_height, width, height;
  std::size_t pixels;  ///< of the sensor, padded to whole vectors
  std::vector<PathStep> path;
  std::vector<float> follow;  ///< [step] share of the change since the last step that the low-pass lets through
  std::vector<float> kernel;  ///< blur, odd number of taps; empty: none
  // The canvas holds the image with so much dark around it that the sensor sees canvas everywhere on the path.
  std::size_t canvas_width, canvas_height, left, top;
  std::uint32_t end_us;
  std::vector<std::uint16_t> column_of, row_of;  ///< [pixel]

  State(const SimulatorOptions& options_in, int image_width_in, int image_height_in, int sensor_width, int sensor_height);
  void draw_pixels(Random& random, Workspace& work) const;
  void paint(std::span<const std::uint8_t> image, Workspace& work) const;
  void look(const PathStep& at, Workspace& work) const;
  void fire(const PathStep& from, const PathStep& to, Random& random, Workspace& work) const;
  void add_noise(Random& random, Workspace& work) const;
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
  if (!(options.threshold_min >= kLeastThreshold) || !(options.log_floor > 0))
    refuse(cat("threshold_min ", options.threshold_min, " and log_floor ", options.log_floor,
               " must be at least 0.001 and above 0"));
  const double duration = options.knot_us * static_cast<double>(options.path_x.size() - 1);
  if (!(options.knot_us > 0) || duration > 4.0e9)
    refuse(cat("knot_us ", options.knot_us, " gives a recording of ", duration, " us; it must last above 0 and at most 4e9"));

  image_width = static_cast<std::size_t>(image_width_in);
  image_height = static_cast<std::size_t>(image_height_in);
  width = static_cast<std::size_t>(sensor_width);
  height = static_cast<std::size_t>(sensor_height);
  pixels = (width * height + kLanes - 1) / kLanes * kLanes;
  end_us = static_cast<std::uint32_t>(duration);
  path = saccade_path(options, kLongestStepPx, kLongestStepUs);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double dt = i == 0 ? 0 : path[i].t_us - path[i - 1].t_us;
    follow.push_back(options.lowpass_us > 0 ? static_cast<float>(1 - std::exp(-dt / options.lowpass_us)) : 1.0f);
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
  for (std::size_t i = 0; i < width * height; ++i) {
    column_of.push_back(static_cast<std::uint16_t>(i % width));
    row_of.push_back(static_cast<std::uint16_t>(i / width));
  }
}

/// Thresholds, and how far each pixel is from firing when the recording starts.
void Simulator::State::draw_pixels(Random& random, Workspace& work) const {
  work.on.assign(pixels, 1e30f);  // the padding never fires
  work.off.assign(pixels, 1e30f);
  work.memory.resize(pixels);
  const auto sd = static_cast<float>(options.threshold_sd), least = static_cast<float>(options.threshold_min);
  for (std::size_t i = 0; i < width * height; ++i) {
    const std::uint32_t word = random.next_u32();
    work.on[i] = std::max(least, static_cast<float>(options.threshold_on) + sd * normals()[word >> 20]);
    work.off[i] = std::max(least, static_cast<float>(options.threshold_off) + sd * normals()[word >> 8 & 0xFFF]);
    const float phase = (static_cast<float>(word & 0xFF) + 0.5f) / 256.0f;
    work.memory[i] = work.now[i] + work.off[i] - phase * (work.on[i] + work.off[i]);
  }
}

void Simulator::State::paint(std::span<const std::uint8_t> image, Workspace& work) const {
  work.canvas.assign(canvas_width * canvas_height, 0.0f);
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

/// work.now = lin-log of what the pixels see with the image at this place.
void Simulator::State::look(const PathStep& at, Workspace& work) const {
  const double floor_x = std::floor(at.x), floor_y = std::floor(at.y);
  const auto fx = static_cast<float>(at.x - floor_x), fy = static_cast<float>(at.y - floor_y);
  const float w00 = (1 - fx) * (1 - fy), w01 = fx * (1 - fy), w10 = (1 - fx) * fy, w11 = fx * fy;
  // Image column 0 lies at canvas column `left`; the same for rows.
  const auto x0 = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(left) - static_cast<std::ptrdiff_t>(floor_x));
  const auto y0 = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(top) - static_cast<std::ptrdiff_t>(floor_y));
  float* now = work.now.data();
  for (std::size_t y = 0; y < height; ++y) {
    const float* row = work.canvas.data() + (y0 + y) * canvas_width + x0;
    const float* above = row - canvas_width;
    float* to = now + y * width;
    for (std::size_t x = 0; x < width; ++x) {
      const std::ptrdiff_t i = static_cast<std::ptrdiff_t>(x);
      to[x] = w00 * row[i] + w01 * row[i - 1] + w10 * above[i] + w11 * above[i - 1];
    }
  }
  const auto floor = static_cast<float>(options.log_floor);
  const float dark = options.dark_on_bright ? 1.0f : 0.0f, sign = options.dark_on_bright ? -1.0f : 1.0f;
  const float slope = 1 / floor, shift = std::log(floor) - 1;  // the line meets the logarithm with its slope
  for (std::size_t i = 0; i < width * height; ++i) {           // the padding stays 0
    const float intensity = dark + sign * now[i];
    const float line = intensity * slope + shift, curve = fast_log(std::max(intensity, floor));
    now[i] = intensity < floor ? line : curve;
  }
}

/// Events between two steps. A pixel that has moved by several thresholds fires as often, at the interpolated times.
void Simulator::State::fire(const PathStep& from, const PathStep& to, Random& random, Workspace& work) const {
  // Locals: a store to bytes could otherwise change the vectors and `pixels` themselves, and nothing would be vectorised.
  const float *now = work.now.data(), *before = work.before.data(), *on = work.on.data(), *off = work.off.data();
  float* memory = work.memory.data();
  std::uint8_t* fires = work.fires.data();
  for (std::size_t i = 0, n = pixels; i < n; ++i) {
    const float change = now[i] - memory[i];
    fires[i] = static_cast<std::uint8_t>((change >= on[i]) | (-change >= off[i]));
  }

  const auto start_us = static_cast<float>(from.t_us), dt = static_cast<float>(to.t_us - from.t_us);
  const auto refractory = static_cast<float>(options.refractory_us), jitter = static_cast<float>(options.jitter_us);
  const auto last_possible = static_cast<float>(end_us);
  const NormalTable& normal = normals();
  std::size_t count = work.count;
  for (std::size_t group = 0, n = pixels; group < n; group += 8) {
    std::uint64_t flags = 0;
    std::memcpy(&flags, fires + group, 8);
    for (; flags != 0; flags &= flags - 1) {
      const std::size_t i = group + static_cast<std::size_t>(std::countr_zero(flags)) / 8;
      const bool rises = now[i] > memory[i];
      const float signed_thresholds[2] = {-off[i], on[i]};  // no branch: it would be guessed wrong half the time
      const float step = signed_thresholds[rises], threshold = std::abs(step);
      const float us_a_unit = now[i] != before[i] ? dt / (now[i] - before[i]) : 0;
      const auto code = static_cast<std::uint32_t>(2 * i + (rises ? 1 : 0));
      float level = memory[i];
      for (float change = std::abs(now[i] - level); change >= threshold; change -= threshold) {
        level += step;
        float t = start_us + std::clamp((level - before[i]) * us_a_unit, 0.0f, dt);
        if (refractory > 0) {
          if (t - work.last_us[i] < refractory) continue;
          work.last_us[i] = t;
        }
        if (jitter > 0) t += jitter * normal[random.next_u32() >> 20];
        if (t < 0 || t > last_possible) continue;  // what jitter takes out of the recording's time is lost, as in a cut
        if (count == work.events.size()) work.events.resize(2 * count + 1024);
        work.events[count++] = {static_cast<std::uint32_t>(t), code};
      }
      memory[i] = level;
    }
  }
  work.count = count;
}

void Simulator::State::add_noise(Random& random, Workspace& work) const {
  if (options.noise_hz <= 0) return;
  const double mean_gap_us = 1e6 / (options.noise_hz * static_cast<double>(width * height));
  const auto sensor_pixels = static_cast<std::uint32_t>(width * height);
  for (double t = 0;;) {
    t -= mean_gap_us * std::log((static_cast<double>(random.next_u32()) + 0.5) * 0x1.0p-32);
    if (t > static_cast<double>(end_us)) return;
    const std::uint32_t pixel = random.below(sensor_pixels);
    const bool on = random.uniform_double() < options.noise_on_share;
    if (work.count == work.events.size()) work.events.resize(2 * work.count + 64);
    work.events[work.count++] = {static_cast<std::uint32_t>(t), 2 * pixel + (on ? 1 : 0)};
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
  work.count = 0;
  work.now.assign(state.pixels, 0.0f);
  work.before.assign(state.pixels, 0.0f);
  work.fires.resize(state.pixels);
  work.last_us.assign(state.pixels, -1e18f);
  state.paint(image, work);
  state.look(state.path.front(), work);
  state.draw_pixels(random, work);
  for (std::size_t step = 1; step < state.path.size(); ++step) {
    work.before.swap(work.now);
    state.look(state.path[step], work);
    if (const float follow = state.follow[step]; follow < 1) {
      float* now = work.now.data();
      const float* before = work.before.data();
      for (std::size_t i = 0; i < state.pixels; ++i) now[i] = before[i] + follow * (now[i] - before[i]);
    }
    state.fire(state.path[step - 1], state.path[step], random, work);
  }
  state.add_noise(random, work);
  work.events.resize(work.count);
  sort_events(work.events, work.sorted, state.end_us);

  out.resize(work.events.size());
  for (std::size_t i = 0; i < work.events.size(); ++i) {
    const RawEvent event = work.events[i];
    out.x[i] = state.column_of[event.pixel >> 1];
    out.y[i] = state.row_of[event.pixel >> 1];
    out.t[i] = event.t;
    out.p[i] = static_cast<std::uint8_t>(event.pixel & 1);
  }
}

}  // namespace dltonic::events
