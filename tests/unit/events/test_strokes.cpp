#include "dltonic/events/strokes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/frames.h"

namespace dltonic::events {
namespace {

constexpr int kSide = 32;

StrokeOptions options_for(int classes) {
  StrokeOptions options;
  options.classes = classes;
  return options;
}

Events stroked(const StrokeSimulator& simulator, std::uint32_t group, int label) {
  Events events;
  simulator.simulate(group, label, events);
  return events;
}

std::vector<std::int16_t> counts(const Events& events, int bins) {
  FrameOptions options;
  options.bins = bins;
  std::vector<std::int16_t> out;
  FrameMaker(options, kSide, kSide).append_counts(events, out);
  return out;
}

TEST(Strokes, EveryClassIsAnOrderOfItsOwn) {
  for (const int classes : {2, 4, 11, 24}) {
    std::set<std::array<int, 4>> orders;
    for (int label = 0; label < classes; ++label) orders.insert(stroke_order(label, classes));
    EXPECT_EQ(orders.size(), static_cast<std::size_t>(classes));
  }
  EXPECT_EQ(stroke_order(0, 2), (std::array<int, 4>{0, 1, 2, 3}));
  EXPECT_EQ(stroke_order(1, 2), (std::array<int, 4>{2, 0, 1, 3}));
}

TEST(Strokes, SummedOverTimeTheClassesOfAGroupAreEqualAndTheirOrderDiffers) {
  const int classes = 24;
  const StrokeSimulator simulator(options_for(classes), {}, kSide, kSide);
  for (std::uint32_t group = 0; group < 3; ++group) {
    std::vector<std::vector<std::int16_t>> summed, in_order;
    for (int label = 0; label < classes; ++label) {
      const Events events = stroked(simulator, group, label);
      EXPECT_GT(events.size(), 1000u);
      summed.push_back(counts(events, 1));
      in_order.push_back(counts(events, 4));
    }
    for (int a = 0; a < classes; ++a) {
      EXPECT_EQ(summed[static_cast<std::size_t>(a)], summed[0]) << "class " << a << " of group " << group;
      for (int b = 0; b < a; ++b) EXPECT_NE(in_order[static_cast<std::size_t>(a)], in_order[static_cast<std::size_t>(b)]);
    }
  }
}

/// Bits of a recording, as a network sees them.
BitMatrix bits_of(const Events& events, int bins) {
  FrameOptions options;
  options.bins = bins;
  options.downsample = 4;
  BitMatrix bits;
  FrameMaker(options, kSide, kSide).append_rows(events, bits);
  return bits;
}

/// Share of the recordings of unseen groups whose bits are nearest to those of their own class in one of the seen groups.
double nearest_neighbour_accuracy(int classes, int bins) {
  const StrokeSimulator simulator(options_for(classes), {}, kSide, kSide);
  constexpr std::uint32_t kSeen = 6, kUnseen = 4;
  std::vector<BitMatrix> seen;
  for (std::uint32_t group = 0; group < kSeen; ++group) {
    for (int label = 0; label < classes; ++label) seen.push_back(bits_of(stroked(simulator, group, label), bins));
  }
  int right = 0;
  for (std::uint32_t group = kSeen; group < kSeen + kUnseen; ++group) {
    for (int label = 0; label < classes; ++label) {
      const BitMatrix wanted = bits_of(stroked(simulator, group, label), bins);
      std::size_t least = ~std::size_t{0};
      int found = -1;
      for (std::size_t i = 0; i < seen.size(); ++i) {
        std::size_t distance = 0;
        for (std::size_t bit = 0; bit < wanted.bits(); ++bit) distance += seen[i].get(0, bit) != wanted.get(0, bit) ? 1 : 0;
        if (distance < least) {
          least = distance;
          found = static_cast<int>(i) % classes;
        }
      }
      right += found == label ? 1 : 0;
    }
  }
  return static_cast<double>(right) / (classes * kUnseen);
}

TEST(Strokes, BinsOfTimeTellClassesApartAndAnOrOverTimeCannot) {
  EXPECT_GE(nearest_neighbour_accuracy(6, 4), 0.95);
  EXPECT_DOUBLE_EQ(nearest_neighbour_accuracy(6, 1), 1.0 / 6) << "chance: the same answer for all classes of a group";
}

TEST(Strokes, TheSameDrawsTheSameRecordingOtherwiseAnother) {
  const StrokeSimulator simulator(options_for(11), {}, kSide, 40);
  const Events first = stroked(simulator, 7, 3);
  EXPECT_NO_THROW(check_inside(first, kSide, 40));
  EXPECT_NO_THROW(check_times(first));
  stroked(simulator, 8, 1);  // what came before does not matter
  const Events again = stroked(simulator, 7, 3);
  EXPECT_EQ(first.t, again.t);
  EXPECT_EQ(first.x, again.x);
  EXPECT_NE(stroked(simulator, 8, 3).t, first.t);
  SimulatorOptions pixels;
  pixels.seed = 1;
  EXPECT_NE(stroked(StrokeSimulator(options_for(11), pixels, kSide, 40), 7, 3).t, first.t);
}

TEST(Strokes, ASpotThatCrossesFiresAboutAsOftenOnAsOff) {
  SimulatorOptions pixels;
  pixels.noise_hz = 0;
  const Events events = stroked(StrokeSimulator(options_for(2), pixels, kSide, kSide), 0, 0);
  const auto on = static_cast<double>(std::count(events.p.begin(), events.p.end(), 1));
  EXPECT_NEAR(on / static_cast<double>(events.size()), 0.5, 0.1);
}

TEST(Strokes, WrongOptionsAreRefused) {
  const auto refused = [](StrokeOptions options, int side = kSide, SimulatorOptions pixels = {}) {
    EXPECT_THROW(StrokeSimulator(options, pixels, side, side), ConfigError);
  };
  refused(options_for(1));
  refused(options_for(25));
  refused(options_for(4), 7);
  StrokeOptions options;
  options.stroke_us = 10;
  refused(options);
  options = {};
  options.variation = 0.6;
  refused(options);
  SimulatorOptions pixels;
  pixels.threshold_min = 0;
  refused({}, kSide, pixels);
  StrokeOptions other;
  other.test = 26;
  EXPECT_NE(other.describe(), StrokeOptions{}.describe());
}

}  // namespace
}  // namespace dltonic::events
