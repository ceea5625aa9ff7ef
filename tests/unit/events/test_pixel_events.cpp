#include "events/pixel_events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "dltonic/core/random.h"

namespace dltonic::events {
namespace {

/// Pixels at rest at level 0, thresholds of their own, half a threshold from an event ON.
PixelLevels at_rest(std::size_t pixels) {
  PixelLevels levels;
  levels.before.assign(pixels, 0.0f);
  levels.now.assign(pixels, 0.0f);
  for (std::size_t i = 0; i < pixels; ++i) {
    levels.on.push_back(0.1f + 0.01f * static_cast<float>(i % 7));
    levels.minus_off.push_back(-0.2f - 0.01f * static_cast<float>(i % 5));
    levels.up.push_back(levels.on[i] / 2);
    levels.down.push_back(levels.up[i] + levels.minus_off[i] - levels.on[i]);
  }
  levels.last_us.assign(pixels, -1e18f);
  return levels;
}

TEST(PixelEvents, EveryPixelFiresAtEachThresholdThatItPassesAtTheInterpolatedTime) {
  constexpr std::size_t kPixels = 64;
  PixelLevels levels = at_rest(kPixels);
  Random random(3, Use::test);
  for (float& level : levels.now) level = 2 * random.uniform() - 1;
  const PixelLevels start = levels;
  EventBuffer buffer;
  fire(levels, 1000, 5000, 0, buffer);
  std::map<std::uint32_t, std::vector<std::uint32_t>> times;  // [code]
  for (std::size_t i = 0; i < buffer.count; ++i) times[buffer.events[i].code].push_back(buffer.events[i].t);
  for (std::size_t i = 0; i < kPixels; ++i) {
    const double level = start.now[i];
    const bool rises = level > 0;
    const double threshold = rises ? start.on[i] : -start.minus_off[i], moved = std::abs(level);
    const double first = rises ? start.up[i] : -start.down[i];
    const auto code = static_cast<std::uint32_t>(2 * i + (rises ? 1 : 0));
    EXPECT_EQ(times.count(code ^ 1), 0u) << "a pixel that " << (rises ? "rises" : "falls") << " fired the other way";
    const auto expected = static_cast<std::size_t>(std::max(0.0, std::floor((moved - first) / threshold + 1)));
    ASSERT_EQ(times[code].size(), expected) << "pixel " << i;
    for (std::size_t k = 0; k < expected; ++k)
      EXPECT_NEAR(times[code][k], 1000 + 4000 * (first + static_cast<double>(k) * threshold) / moved, 1.01);
    // The next event in either direction is as far as the thresholds say.
    EXPECT_LT(levels.now[i], levels.up[i]);
    EXPECT_GT(levels.now[i], levels.down[i]);
    EXPECT_NEAR(levels.up[i] - levels.down[i], start.up[i] - start.down[i], 1e-5);
  }
}

TEST(PixelEvents, RoomGrowsWhereAPixelFiresThousandsOfTimes) {
  PixelLevels levels = at_rest(8);
  levels.on.assign(8, 0.001f);
  levels.up.assign(8, 0.0005f);
  levels.now[3] = 10;
  levels.now[6] = 5;
  EventBuffer buffer;
  fire(levels, 0, 100'000, 0, buffer);
  EXPECT_NEAR(static_cast<double>(buffer.count), 15'000, 5);  // thresholds add up with roundings
  std::uint32_t last[8] = {};
  for (std::size_t i = 0; i < buffer.count; ++i) {
    const auto [t, code] = buffer.events[i];
    ASSERT_TRUE(code == 7 || code == 13);
    EXPECT_GE(t, last[code / 2]);
    last[code / 2] = t;
  }
}

TEST(PixelEvents, AnEventWithinTheRefractoryPeriodIsLostAndTheNextCounts) {
  PixelLevels levels = at_rest(8);
  levels.on.assign(8, 0.1f);
  levels.up.assign(8, 0.05f);
  levels.now[0] = 1;  // at 50, 150, … 950 us
  EventBuffer buffer;
  fire(levels, 0, 1000, 250, buffer);
  ASSERT_EQ(buffer.count, 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(buffer.events[i].t, 50.0 + 300.0 * static_cast<double>(i), 1.01);
}

TEST(PixelEvents, SortedByTimeAndInTheirOrderWithinATime) {
  const std::vector<std::uint16_t> column = {0, 1, 2, 3, 4, 5, 6, 7}, row = {7, 6, 5, 4, 3, 2, 1, 0};
  for (const std::uint32_t last_t : {0u, 1u, 2047u, 2048u, 308'700u, 2'000'000'000u}) {
    EventBuffer buffer;
    Random random(4, Use::test, last_t);
    buffer.make_room(3000);
    for (std::uint32_t i = 0; i < 3000; ++i) buffer.events[buffer.count++] = {random.below(last_t + 1), random.below(16)};
    buffer.events[17].t = last_t;
    std::vector<RawEvent> expected(buffer.events.begin(), buffer.events.begin() + 3000);
    std::stable_sort(expected.begin(), expected.end(), [](const RawEvent& a, const RawEvent& b) { return a.t < b.t; });
    Events out;
    write_sorted(buffer, last_t, column, row, out);
    ASSERT_EQ(out.size(), 3000u);
    for (std::size_t i = 0; i < 3000; ++i) {
      ASSERT_EQ(out.t[i], expected[i].t);
      ASSERT_EQ(out.x[i], expected[i].code / 2);
      ASSERT_EQ(out.y[i], 7 - expected[i].code / 2);
      ASSERT_EQ(out.p[i], expected[i].code & 1);
    }
  }
}

}  // namespace
}  // namespace dltonic::events
