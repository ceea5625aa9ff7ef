#include "dltonic/events/simulator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/events/checks.h"
#include "events/motion_path.h"

namespace dltonic::events {
namespace {

/// A bright disc on dark ground.
std::vector<std::uint8_t> disc(int side, double radius) {
  std::vector<std::uint8_t> image;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) image.push_back(std::hypot(x - side / 2.0, y - side / 2.0) < radius ? 255 : 0);
  }
  return image;
}

/// No spread between pixels, no noise: what physics alone does.
SimulatorOptions ideal() {
  SimulatorOptions options;
  options.threshold_on = options.threshold_off = 0.2;
  options.threshold_sd = options.jitter_us = options.refractory_us = options.noise_hz = options.lowpass_us = options.blur_px =
      0;
  options.log_floor = 20.0 / 255;
  options.dark_on_bright = false;
  options.knot_us = 100'000;
  options.path_x = {0, 6};
  options.path_y = {3, 3};
  return options;
}

TEST(Simulator, TheSameDrawsTheSameRecordingOtherwiseAnother) {
  const auto image = disc(28, 8);
  const Simulator simulator({}, 28, 28), again({}, 28, 28);
  Events a, b, other;
  simulator.simulate(image, 5, a);
  simulator.simulate(disc(28, 4), 9, b);  // leaves no trace
  again.simulate(image, 5, b);
  simulator.simulate(image, 6, other);
  EXPECT_EQ(a.t, b.t);
  EXPECT_EQ(a.x, b.x);
  EXPECT_EQ(a.y, b.y);
  EXPECT_EQ(a.p, b.p);
  EXPECT_NE(a.t, other.t);
  SimulatorOptions seeded;
  seeded.seed = 1;
  Simulator(seeded, 28, 28).simulate(image, 5, other);
  EXPECT_NE(a.t, other.t);
}

TEST(Simulator, EventsLieOnTheSensorInTimeOrder) {
  SimulatorOptions wild;
  wild.path_x = {-40, 3.7, 60, 0, -0.5};
  wild.path_y = {5, -33.3, 70, 0.25, 0};
  wild.noise_hz = 20;
  wild.jitter_us = 3000;
  for (const SimulatorOptions& options : {SimulatorOptions{}, wild}) {
    for (const auto& [width, height] : {std::pair{34, 34}, {7, 50}, {64, 3}}) {
      for (const int side : {28, 5, 40}) {
        Events events;
        Simulator(options, side, side, width, height).simulate(disc(side, side / 3.0), 1, events);
        EXPECT_NO_THROW(check_inside(events, width, height));
        EXPECT_NO_THROW(check_times(events));
        if (!events.empty()) {
          EXPECT_LE(events.t.back(), options.knot_us * static_cast<double>(options.path_x.size() - 1));
        }
      }
    }
  }
}

TEST(Simulator, ABrightDiscThatMovesRightFiresOnAheadAndOffBehind) {
  Events events;
  Simulator(ideal(), 28, 28).simulate(disc(28, 7), 0, events);
  ASSERT_GT(events.size(), 200u);
  // The disc's centre moves from column 14 to 20, row 17.
  double on_x = 0, off_x = 0, on = 0, off = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_LE(std::hypot(events.x[i] - 17.0, events.y[i] - 17.0), 12);
    (events.p[i] != 0 ? on_x : off_x) += events.x[i];
    (events.p[i] != 0 ? on : off) += 1;
  }
  EXPECT_GT(on_x / on, 17 + 4);
  EXPECT_LT(off_x / off, 17 - 3);
}

TEST(Simulator, ShownDarkOnBrightTheDiscFiresOffAhead) {
  SimulatorOptions options = ideal();
  options.dark_on_bright = true;
  Events events;
  Simulator(options, 28, 28).simulate(disc(28, 7), 0, events);
  double on_x = 0, off_x = 0, on = 0, off = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    (events.p[i] != 0 ? on_x : off_x) += events.x[i];
    (events.p[i] != 0 ? on : off) += 1;
  }
  EXPECT_GT(off_x / off, 17 + 3);
  EXPECT_LT(on_x / on, 17 - 2);
}

TEST(Simulator, APixelFiresOnceAThreshold) {
  // A bright half-plane crosses: every pixel that it passes goes from black to white, ln(1/floor) + 1 in lin-log units.
  SimulatorOptions options = ideal();
  std::vector<std::uint8_t> image(28 * 28, 0);
  for (int y = 0; y < 28; ++y) std::fill_n(image.begin() + y * 28, 10, 255);
  Events events;
  Simulator(options, 28, 28).simulate(image, 0, events);
  const double expected = (std::log(1 / options.log_floor) + 1) / options.threshold_on;
  std::vector<int> count(34, 0);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.y[i] == 15 && events.p[i] == 1) ++count[events.x[i]];
  }
  for (int x = 11; x < 15; ++x) EXPECT_NEAR(count[x], expected, 1) << "column " << x;  // the phase at the start is random
  for (int x = 20; x < 34; ++x) EXPECT_EQ(count[x], 0);
  SimulatorOptions coarse = options;
  coarse.threshold_on = 2 * options.threshold_on;
  Events fewer;
  Simulator(coarse, 28, 28).simulate(image, 0, fewer);
  EXPECT_LT(fewer.size(), events.size());
}

TEST(Simulator, TheRefractoryPeriodHoldsForEveryPixel) {
  SimulatorOptions options = ideal();
  options.refractory_us = 2000;
  Events events;
  Simulator(options, 28, 28).simulate(disc(28, 7), 0, events);
  std::vector<std::int64_t> last(34 * 34, -1'000'000);
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::int64_t& before = last[static_cast<std::size_t>(events.y[i] * 34 + events.x[i])];
    EXPECT_GE(events.t[i] - before, 1999);  // times are cut to whole microseconds
    before = events.t[i];
  }
}

TEST(Simulator, ADarkImageGivesNoiseAlone) {
  SimulatorOptions options = ideal();
  Events events;
  Simulator(options, 28, 28).simulate(disc(28, 0), 0, events);
  EXPECT_EQ(events.size(), 0u);
  options.noise_hz = 10;  // 10 Hz · 1156 pixels · 0.1 s
  std::size_t total = 0;
  for (std::uint32_t index = 0; index < 50; ++index) {
    Simulator(options, 28, 28).simulate(disc(28, 0), index, events);
    total += events.size();
  }
  EXPECT_NEAR(static_cast<double>(total) / 50, 1156, 20);  // standard error 4.8
}

TEST(Simulator, ThePathKeepsToItsCorners) {
  SimulatorOptions options;
  const auto path = motion_path(motion_corners(options, 28, 28, 34, 34), 0.5, 15000);
  EXPECT_EQ(path.front().t_us, 0);
  EXPECT_DOUBLE_EQ(path.back().t_us, options.knot_us * static_cast<double>(options.path_x.size() - 1));
  const auto [low, high] = std::minmax_element(options.path_x.begin(), options.path_x.end());
  for (std::size_t i = 1; i < path.size(); ++i) {
    EXPECT_GT(path[i].t_us, path[i - 1].t_us);
    EXPECT_LE(path[i].t_us - path[i - 1].t_us, 15001);
    EXPECT_LE(std::hypot(path[i].x - path[i - 1].x, path[i].y - path[i - 1].y), 0.5 + 1e-9);
    EXPECT_GE(path[i].x, *low - 1e-9);
    EXPECT_LE(path[i].x, *high + 1e-9);
  }
}

TEST(Simulator, ALoopClosesAndRepeats) {
  SimulatorOptions options;
  options.motion = "loop";
  options.loops = 3;
  options.loop_us = 80000;
  options.loop_px = 2.5;
  const auto path = motion_path(motion_corners(options, 30, 20, 34, 26), 0.25, 15000);
  EXPECT_DOUBLE_EQ(path.back().t_us, 240000);
  double turned = 0;
  int rounds = -1;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const double x = path[i].x - 2, y = path[i].y - 3;  // about the middle of the sensor
    EXPECT_LE(std::abs(x) + std::abs(y), 2 * 2.5);
    EXPECT_GE(std::hypot(x, y), 2.5 / 2);
    if (std::fmod(path[i].t_us, 80000) == 0) {
      ++rounds;
      EXPECT_NEAR(x, 0, 1e-12);
      EXPECT_NEAR(y, -2.5, 1e-12);
    }
    if (i == 0) continue;
    const double cross = (path[i - 1].x - 2) * y - (path[i - 1].y - 3) * x;
    EXPECT_GT(cross, 0) << "always the same way round";
    turned += std::asin(std::min(1.0, cross / (std::hypot(path[i - 1].x - 2, path[i - 1].y - 3) * std::hypot(x, y))));
  }
  EXPECT_NEAR(turned, 3 * 2 * 3.14159265, 1e-3);
  EXPECT_EQ(rounds, 3);
}

TEST(Simulator, ALoopIsAnotherRecordingOfTheSameLength) {
  SimulatorOptions options;
  options.motion = "loop";
  options.loops = 2;
  Events events, again;
  Simulator(options, 28, 28).simulate(disc(28, 6), 5, events);
  Simulator(options, 28, 28).simulate(disc(28, 6), 5, again);
  EXPECT_EQ(events.t, again.t);
  EXPECT_GT(events.size(), 200u);
  EXPECT_NO_THROW(check_inside(events, 34, 34));
  EXPECT_LE(events.t.back(), 400000u);
  EXPECT_GT(events.t.back(), 300000u);
  SimulatorOptions saccade;
  EXPECT_NE(options.describe(), saccade.describe());
  options.motion = "walk";
  EXPECT_THROW(Simulator(options, 28, 28), ConfigError);
}

TEST(Simulator, WrongOptionsAreRefused) {
  SimulatorOptions options;
  options.path_x = {0, 1, 2};
  options.path_y = {0, 1};
  EXPECT_THROW(Simulator(options, 28, 28), ConfigError);
  options.path_x = options.path_y = {0};
  EXPECT_THROW(Simulator(options, 28, 28), ConfigError);
  options.path_x = options.path_y = {0, 1e300};
  EXPECT_THROW(Simulator(options, 28, 28), ConfigError);
  options = {};
  options.knot_us = 0;
  EXPECT_THROW(Simulator(options, 28, 28), ConfigError);
  Events events;
  EXPECT_THROW(Simulator({}, 28, 28).simulate(disc(27, 3), 0, events), DataError);
}

}  // namespace
}  // namespace dltonic::events
