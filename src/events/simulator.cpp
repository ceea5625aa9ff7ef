// The model, per pixel of the sensor: I(t) is the blurred image at its place of the moment (bilinear, 0 outside),
// L = lin-log(I), low-passed; the pixel fires when L has moved from that of its last event by a threshold,
// at the interpolated time. All pixels advance together from one step of the path to the next, in one loop that the compiler
// vectorises; pixel_events.h has those that fire. Pixels lie in memory as the canvas does (the image with a border, wider
// than the sensor), so that the loop runs over whole rows without a rest; the columns beyond the sensor never fire.
#include "dltonic/events/simulator.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/motion_path.h"
#include "events/pixel_model.h"

namespace dltonic::events {
namespace {

constexpr double kLongestStepPx = 0.75;
constexpr double kLongestStepUs = 15000;
/// What a thread needs while it simulates; sized on use.
struct Workspace {
  std::vector<float> canvas, blurred;  // the image with a border, and room behind for a row
  PixelLevels levels;
  EventBuffer events;
};

}  // namespace

struct Simulator::State {
  SimulatorOptions options;
  std::size_t image_width, image_height;
  std::vector<PathStep> path;
  std::vector<float> lag;     ///< [step] share of the change since the last step that the low-pass holds back
  std::vector<float> kernel;  ///< blur, odd number of taps; empty: none
  // The canvas holds the image with so much dark around it that the sensor sees canvas everywhere on the path.
  std::size_t canvas_width, canvas_height, left, top;
  std::uint32_t end_us;
  std::optional<PixelGrid> grid;  ///< canvas_width a row

  State(const SimulatorOptions& options_in, int image_width_in, int image_height_in, int sensor_width, int sensor_height);
  void paint(std::span<const std::uint8_t> image, Workspace& work) const;
  void look(std::size_t step, Workspace& work) const;
};

Simulator::State::State(const SimulatorOptions& options_in, int image_width_in, int image_height_in, int sensor_width,
                        int sensor_height)
    : options(options_in) {
  const auto refuse = [](const std::string& what) { throw ConfigError("simulator: " + what); };
  if (image_width_in < 1 || image_height_in < 1 || sensor_width < 1 || sensor_height < 1) {
    refuse(cat("images of ", image_width_in, " x ", image_height_in, " on a sensor of ", sensor_width, " x ", sensor_height,
               " pixels"));
  }
  const MotionCorners corners = motion_corners(options, image_width_in, image_height_in, sensor_width, sensor_height);
  if (corners.x.size() != corners.y.size() || corners.x.size() < 2) {
    refuse(cat("the path has ", corners.x.size(), " columns and ", corners.y.size(),
               " rows; both lists need the same length, at least 2"));
  }
  for (const std::vector<double>* list : {&corners.x, &corners.y}) {
    for (const double corner : *list) {
      if (!(std::abs(corner) <= 4096)) refuse(cat("a corner of the path at ", corner, " pixels; at most 4096 are supported"));
    }
  }
  check_pixel_options(options);
  const double duration = corners.knot_us * static_cast<double>(corners.x.size() - 1);
  if (!(corners.knot_us > 0) || duration > 2.0e9)
    refuse(cat("the path lasts ", duration, " us; it must last above 0 and at most 2e9"));

  image_width = static_cast<std::size_t>(image_width_in);
  image_height = static_cast<std::size_t>(image_height_in);
  const auto width = static_cast<std::size_t>(sensor_width), height = static_cast<std::size_t>(sensor_height);
  end_us = static_cast<std::uint32_t>(duration);
  path = motion_path(corners, kLongestStepPx, kLongestStepUs);
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
  const auto margins = [reach](const std::vector<double>& along, std::size_t image, std::size_t sensor) {
    const auto [low, high] = std::minmax_element(along.begin(), along.end());
    const auto most = static_cast<std::ptrdiff_t>(std::floor(*high)), least = static_cast<std::ptrdiff_t>(std::floor(*low));
    const auto r = static_cast<std::ptrdiff_t>(reach);
    const std::ptrdiff_t before = std::max(most + 1, r),
                         after = std::max(static_cast<std::ptrdiff_t>(sensor) - least - static_cast<std::ptrdiff_t>(image), r);
    return std::pair{static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, before)),
                     static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, after))};
  };
  const auto [margin_left, margin_right] = margins(corners.x, image_width, width);
  const auto [margin_top, margin_bottom] = margins(corners.y, image_height, height);
  left = margin_left;
  top = margin_top;
  canvas_width = left + image_width + margin_right;
  canvas_height = top + image_height + margin_bottom;
  grid.emplace(width, height, canvas_width);
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
  const LinLog response(options.log_floor);
  const float hold = lag[step];
  // Image column 0 lies at canvas column `left`; the same for rows.
  const auto x0 = static_cast<std::ptrdiff_t>(left) - static_cast<std::ptrdiff_t>(floor_x);
  const auto y0 = static_cast<std::ptrdiff_t>(top) - static_cast<std::ptrdiff_t>(floor_y);
  const auto row = static_cast<std::ptrdiff_t>(canvas_width), n = static_cast<std::ptrdiff_t>(grid->pixels());
  const float* here = work.canvas.data() + y0 * row + x0;
  const float* before = work.levels.before.data();
  float* now = work.levels.now.data();
#pragma GCC ivdep
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const float light = dark + w00 * here[i] + w01 * here[i - 1] + w10 * here[i - row] + w11 * here[i - row - 1];
    const float seen = response(light);
    now[i] = seen + hold * (before[i] - seen);
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
  levels.now.assign(state.grid->pixels(), 0.0f);
  levels.before.assign(state.grid->pixels(), 0.0f);
  state.paint(image, work);
  state.look(0, work);
  draw_pixels(state.options, *state.grid, random, levels);
  const double refractory_us = state.options.refractory_us;
  for (std::size_t step = 1; step < state.path.size(); ++step) {
    levels.before.swap(levels.now);
    state.look(step, work);
    fire(levels, state.path[step - 1].t_us, state.path[step].t_us, refractory_us, work.events);
  }
  add_jitter(state.options, state.end_us, random, work.events);
  add_noise(state.options, *state.grid, state.end_us, random, work.events);
  write_sorted(work.events, state.end_us, state.grid->column_of, state.grid->row_of, out);
}

}  // namespace dltonic::events
