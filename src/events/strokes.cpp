#include "dltonic/events/strokes.h"

#include <algorithm>
#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/pixel_model.h"

namespace dltonic::events {
namespace {

constexpr float kGround = 0.25f, kSpot = 0.9f;  // intensities
constexpr int kOrders = 24;
constexpr double kLongestStepPx = 0.75;

/// What a thread needs while it simulates.
struct Workspace {
  PixelLevels levels;
  EventBuffer events;
  std::vector<float> across, down;  ///< squared distances from the spot's middle, in radii
  Events stroke;
};

/// What a group draws.
struct Group {
  double radius_px, stroke_us, bow_px;
  double along[4];  ///< place of the stroke's line, share of the side that it crosses
};

/// Smooth start and end: the share of the way at a share of the time.
double smooth(double u) { return u * u * (3 - 2 * u); }

}  // namespace

void StrokeOptions::bind(config::Section& section) {
  section.key("classes", classes, "orders of four strokes to tell apart").min(2).max(kOrders);
  section.key("train", train, "recordings of a class that train").min(1).max(10000000);
  section.key("test", test, "recordings of a class that test").min(1).max(10000000);
  section.key("stroke_us", stroke_us, "mean time of a stroke").unit("us").min(1000).max(1e8);
  section.key("spot", spot, "radius of the spot, share of the sensor's shorter side").min(0.02).max(0.5);
  section.key("variation", variation, "of size, place and tempo of the strokes between recordings, relative").min(0).max(0.5);
}

std::string StrokeOptions::describe() const {
  return cat("strokes 1 classes=", classes, " train=", train, " test=", test, " stroke_us=", fixed(stroke_us, 3),
             " spot=", fixed(spot, 6), " variation=", fixed(variation, 6));
}

std::array<int, 4> stroke_order(int label, int classes) {
  std::array<int, 4> order{0, 1, 2, 3};
  for (int i = 0; i < label * kOrders / classes; ++i) std::next_permutation(order.begin(), order.end());
  return order;
}

struct StrokeSimulator::State {
  StrokeOptions options;
  SimulatorOptions pixels;
  int width, height;
  PixelGrid grid;

  Group draw_group(std::uint32_t group) const;
  void look(const Group& group, int stroke, double share, double hold, Workspace& work) const;
  void make_stroke(std::uint32_t index, const Group& group, int stroke, Workspace& work) const;
};

Group StrokeSimulator::State::draw_group(std::uint32_t index) const {
  Random random(pixels.seed, Use::simulator, index, 1);
  const auto about = [&](double mean) { return mean * (1 + options.variation * (2 * random.uniform_double() - 1)); };
  Group group{};
  group.radius_px = about(options.spot * std::min(width, height));
  group.stroke_us = std::floor(about(options.stroke_us));
  group.bow_px = options.variation * (random.uniform_double() - 0.5) * std::min(width, height);
  for (double& along : group.along) along = about(0.25);
  return group;
}

/// levels.now = low-passed lin-log of the ground with the spot at a share of its way. Light falls from the spot's middle to
/// its edge as (1 − d²)².
void StrokeSimulator::State::look(const Group& group, int stroke, double share, double hold, Workspace& work) const {
  // From before the one edge to beyond the other, so that a stroke begins and ends with an empty sensor.
  const bool across = stroke % 2 == 0;  // 0 right, 1 down, 2 left, 3 up
  const bool forward = stroke < 2;
  const double side = across ? width : height, other = across ? height : width, margin = group.radius_px + 2;
  const double way = forward ? share : 1 - share;
  const double along = -margin + way * (side + 2 * margin);
  const double line = (stroke == 0 || stroke == 3 ? group.along[stroke] : 1 - group.along[stroke]) * other +
                      group.bow_px * 4 * share * (1 - share);
  const double x0 = across ? along : line, y0 = across ? line : along;
  const double radii = 1 / group.radius_px;
  for (std::size_t x = 0; x < grid.width; ++x) {
    const double d = (static_cast<double>(x) + 0.5 - x0) * radii;
    work.across[x] = static_cast<float>(d * d);
  }
  for (std::size_t y = 0; y < grid.height; ++y) {
    const double d = (static_cast<double>(y) + 0.5 - y0) * radii;
    work.down[y] = static_cast<float>(d * d);
  }
  const LinLog response(pixels.log_floor);
  const auto held = static_cast<float>(hold);
  for (std::size_t y = 0; y < grid.height; ++y) {
    const float down = work.down[y];
    const float *far = work.across.data(), *before = work.levels.before.data() + y * grid.row;
    float* now = work.levels.now.data() + y * grid.row;
#pragma GCC ivdep
    for (std::size_t x = 0; x < grid.width; ++x) {
      const float in = std::max(0.0f, 1 - far[x] - down);
      const float seen = response(kGround + (kSpot - kGround) * in * in);
      now[x] = seen + held * (before[x] - seen);
    }
  }
}

/// work.stroke = the events of one stroke, from time 0 on; the same whatever comes before it.
void StrokeSimulator::State::make_stroke(std::uint32_t index, const Group& group, int stroke, Workspace& work) const {
  const auto end_us = static_cast<std::uint32_t>(group.stroke_us);
  // The fastest part of the smooth way is 1.5 times its mean.
  const double way_px = std::max(width, height) + 2 * group.radius_px + 4;
  const int steps = std::max(8, static_cast<int>(std::ceil(1.5 * way_px / kLongestStepPx)));
  PixelLevels& levels = work.levels;
  levels.now.assign(grid.pixels(), 0.0f);
  levels.before.assign(grid.pixels(), 0.0f);
  work.across.resize(grid.width);
  work.down.resize(grid.height);
  work.events.count = 0;
  look(group, stroke, 0, 0, work);
  Random same(pixels.seed, Use::simulator, index, 2),
      own(pixels.seed, Use::simulator, index, static_cast<std::uint32_t>(3 + stroke));
  draw_pixels(pixels, grid, same, levels);
  const double dt = group.stroke_us / steps, hold = pixels.lowpass_us > 0 ? std::exp(-dt / pixels.lowpass_us) : 0;
  for (int step = 1; step <= steps; ++step) {
    levels.before.swap(levels.now);
    look(group, stroke, smooth(static_cast<double>(step) / steps), hold, work);
    fire(levels, (step - 1) * dt, step * dt, pixels.refractory_us, work.events);
  }
  add_jitter(pixels, end_us - 1, own, work.events);
  add_noise(pixels, grid, end_us - 1, own, work.events);
  // fire() may put the last step's events on the stroke's end, which is the next one's first microsecond.
  for (std::size_t i = 0; i < work.events.count; ++i) work.events.events[i].t = std::min(work.events.events[i].t, end_us - 1);
  write_sorted(work.events, end_us, grid.column_of, grid.row_of, work.stroke);
}

StrokeSimulator::StrokeSimulator(const StrokeOptions& options, const SimulatorOptions& pixels, int sensor_width,
                                 int sensor_height) {
  const auto refuse = [](const std::string& what) { throw ConfigError("strokes: " + what); };
  if (sensor_width < 8 || sensor_height < 8)
    refuse(cat("a sensor of ", sensor_width, " x ", sensor_height, " pixels; at least 8 x 8 are needed"));
  if (options.classes < 2 || options.classes > kOrders)
    refuse(cat(options.classes, " classes; 2 to ", kOrders, " are possible"));
  if (!(options.stroke_us >= 1000) || !(options.stroke_us <= 1e8))
    refuse(cat("stroke_us is ", options.stroke_us, ", must be 1000 to 1e8"));
  if (!(options.spot >= 0.02) || !(options.spot <= 0.5)) refuse(cat("spot is ", options.spot, ", must be 0.02 to 0.5"));
  if (!(options.variation >= 0) || !(options.variation <= 0.5))
    refuse(cat("variation is ", options.variation, ", must be 0 to 0.5"));
  check_pixel_options(pixels);
  const auto width = static_cast<std::size_t>(sensor_width), height = static_cast<std::size_t>(sensor_height);
  state_ = std::make_unique<const State>(State{options, pixels, sensor_width, sensor_height, PixelGrid(width, height, width)});
}
StrokeSimulator::~StrokeSimulator() = default;
StrokeSimulator::StrokeSimulator(StrokeSimulator&&) noexcept = default;
StrokeSimulator& StrokeSimulator::operator=(StrokeSimulator&&) noexcept = default;

void StrokeSimulator::simulate(std::uint32_t group, int label, Events& out) const {
  thread_local Workspace work;
  const Group drawn = state_->draw_group(group);
  out.clear();
  std::uint32_t start = 0;
  for (const int stroke : stroke_order(label, state_->options.classes)) {
    state_->make_stroke(group, drawn, stroke, work);
    const Events& events = work.stroke;
    const std::size_t n = out.size();
    out.resize(n + events.size());
    std::copy(events.x.begin(), events.x.end(), out.x.begin() + static_cast<std::ptrdiff_t>(n));
    std::copy(events.y.begin(), events.y.end(), out.y.begin() + static_cast<std::ptrdiff_t>(n));
    std::copy(events.p.begin(), events.p.end(), out.p.begin() + static_cast<std::ptrdiff_t>(n));
    for (std::size_t i = 0; i < events.size(); ++i) out.t[n + i] = start + events.t[i];
    start += static_cast<std::uint32_t>(drawn.stroke_us);
  }
}

}  // namespace dltonic::events
