#include "dltonic/events/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

constexpr SensorSize kSensor{34, 26};

/// One set of options a step, and one with all of them.
std::vector<AugmentationOptions> every_step() {
  std::vector<AugmentationOptions> all{{.reverse_time = 0.5}, {.time_skew = 0.4}, {.delete_time = 0.3},  {.time_jitter_us = 90},
                                       {.flip_x = 0.5},       {.flip_y = 0.5},    {.shear = 20},         {.rotate = 180},
                                       {.roll = 50},          {.shift = 9},       {.spatial_jitter = 2}, {.flip_polarity = 0.5},
                                       {.drop = 0.3},         {.drop_time = 0.3}, {.drop_area = 0.3},    {.event_drop = 1},
                                       {.noise = 0.4}};
  all.push_back({.reverse_time = 0.5,
                 .time_skew = 0.4,
                 .delete_time = 0.3,
                 .time_jitter_us = 90,
                 .flip_x = 0.5,
                 .flip_y = 0.5,
                 .shear = 20,
                 .rotate = 180,
                 .roll = 50,
                 .shift = 9,
                 .spatial_jitter = 2,
                 .flip_polarity = 0.5,
                 .drop = 0.3,
                 .drop_time = 0.3,
                 .drop_area = 0.3,
                 .event_drop = 1,
                 .noise = 0.4});
  return all;
}

Events recording(std::uint32_t i) {
  if (i % 10 < 3) return random_events(i % 10, kSensor.width, kSensor.height, 50, i);  // none, one, two
  return random_events(200 + i, kSensor.width, kSensor.height, i % 10 == 3 ? 0 : 50, i);
}

TEST(Augmenter, EventsStayInsideAndInOrder) {
  for (const AugmentationOptions& options : every_step()) {
    SCOPED_TRACE(options.describe());
    Augmenter augmenter(options, kSensor, 7);
    std::size_t changed = 0;
    for (std::uint32_t i = 0; i < 60; ++i) {
      const Events before = recording(i);
      Events events = before;
      augmenter.apply(events, 1, i);
      ASSERT_TRUE(std::is_sorted(events.t.begin(), events.t.end()));
      for (std::size_t e = 0; e < events.size(); ++e) {
        ASSERT_LT(events.x[e], kSensor.width);
        ASSERT_LT(events.y[e], kSensor.height);
        ASSERT_LE(events.p[e], 1);
      }
      ASSERT_EQ(events.x.size(), events.size());
      ASSERT_EQ(events.p.size(), events.size());
      EXPECT_TRUE(!before.empty() || events.empty());
      changed += same(events, before) ? 0 : 1;
    }
    EXPECT_GT(changed, 15u);
    EXPECT_TRUE(options.any());
  }
  EXPECT_FALSE(AugmentationOptions{}.any());
}

TEST(Augmenter, TheSameForAnyOrderAndNumberOfThreads) {
  constexpr int kRecordings = 80;
  for (const AugmentationOptions& options : every_step()) {
    SCOPED_TRACE(options.describe());
    std::vector<Events> expected(kRecordings);
    Augmenter one(options, kSensor, 99);
    for (int i = kRecordings; i-- > 0;) {
      expected[static_cast<std::size_t>(i)] = recording(static_cast<std::uint32_t>(i));
      one.apply(expected[static_cast<std::size_t>(i)], 2, static_cast<std::uint32_t>(i));
    }
    for (const int threads : {2, 3}) {
      std::vector<Events> made(kRecordings);
#pragma omp parallel num_threads(threads)
      {
        Augmenter mine(options, kSensor, 99);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < kRecordings; ++i) {
          Events events = recording(static_cast<std::uint32_t>(i));
          mine.apply(events, 2, static_cast<std::uint32_t>(i));
          made[static_cast<std::size_t>(i)] = std::move(events);
        }
      }
      for (std::size_t i = 0; i < kRecordings; ++i) EXPECT_TRUE(same(made[i], expected[i])) << i;
    }
  }
}

TEST(Augmenter, DrawsDependOnSeedEpochAndRecording) {
  const Events events = recording(55);
  for (const AugmentationOptions& options : every_step()) {
    SCOPED_TRACE(options.describe());
    std::set<std::string> outcomes;
    for (const auto& [seed, epoch, number] :
         std::vector<std::array<std::uint32_t, 3>>{{1, 0, 0}, {2, 0, 0}, {1, 1, 0}, {1, 0, 1}, {3, 4, 5}, {6, 7, 8}}) {
      Events made = events;
      Augmenter(options, kSensor, seed).apply(made, epoch, number);
      std::string bytes(reinterpret_cast<const char*>(made.t.data()), made.size() * 4);
      bytes.append(reinterpret_cast<const char*>(made.x.data()), made.size() * 2);
      bytes.append(reinterpret_cast<const char*>(made.y.data()), made.size() * 2);
      bytes.append(reinterpret_cast<const char*>(made.p.data()), made.size());
      outcomes.insert(bytes);
    }
    EXPECT_GT(outcomes.size(), 1u);
  }
}

TEST(Augmenter, AStepLeavesTheDrawsOfOthersAlone) {
  for (std::uint32_t i = 0; i < 40; ++i) {
    Events alone = recording(i), both = alone;
    Augmenter({.drop = 0.4}, kSensor, 3).apply(alone, 0, i);
    Augmenter({.flip_polarity = 1, .drop = 0.4}, kSensor, 3).apply(both, 0, i);
    flip_polarity(both);
    EXPECT_TRUE(same(alone, both));
  }
}

TEST(Augmenter, StepsHappenWithTheirProbability) {
  constexpr std::uint32_t kRecordings = 3000;
  const Events events = recording(44);
  for (const double p : {0.1, 0.5, 0.9, 1.0}) {
    Augmenter flips({.flip_x = p}, kSensor, 5), noises({.noise = 0.1, .noise_p = p}, kSensor, 5);
    double flipped = 0, noisy = 0, both = 0;
    for (std::uint32_t i = 0; i < kRecordings; ++i) {
      Events a = events, b = events;
      flips.apply(a, 0, i), noises.apply(b, 0, i);
      const bool flip = !same(a, events), noise = !same(b, events);
      flipped += flip, noisy += noise, both += flip && noise;
    }
    const auto near = [&](double count, double share) {
      EXPECT_NEAR(count / kRecordings, share, 4 * std::sqrt(share * (1 - share) / kRecordings)) << p;
    };
    near(flipped, p), near(noisy, p), near(both, p * p);
  }
}

TEST(Augmenter, SharesAreThoseAskedFor) {
  const Events events = random_events(20000, kSensor.width, kSensor.height, 60, 1);
  const auto left = [&](const AugmentationOptions& options, std::uint32_t recordings) {
    double sum = 0;
    Augmenter augmenter(options, kSensor, 5);
    for (std::uint32_t i = 0; i < recordings; ++i) {
      Events made = events;
      augmenter.apply(made, 0, i);
      sum += static_cast<double>(made.size());
    }
    return sum / recordings / static_cast<double>(events.size());
  };
  EXPECT_NEAR(left({.drop = 0.3}, 20), 0.7, 4 * std::sqrt(0.3 * 0.7 / (20 * 20000.0)));
  EXPECT_NEAR(left({.drop_time = 0.3}, 100), 0.7, 0.01);
  EXPECT_NEAR(left({.delete_time = 0.3}, 100), 0.7, 0.01);
  const double area = std::round(std::sqrt(0.3) * kSensor.width) * std::round(std::sqrt(0.3) * kSensor.height) /
                      (kSensor.width * kSensor.height);
  EXPECT_NEAR(left({.drop_area = 0.3}, 300), 1 - area, 0.01);
  EXPECT_EQ(left({.noise = 0.25}, 3), 1.25);
  for (const AugmentationOptions& all : {AugmentationOptions{.reverse_time = 1},
                                         {.time_skew = 0.5},
                                         {.time_jitter_us = 50},
                                         {.flip_x = 1},
                                         {.flip_y = 1},
                                         {.roll = 9},
                                         {.spatial_jitter = 1},
                                         {.flip_polarity = 1}})
    EXPECT_EQ(left(all, 3), 1);  // no event is lost
}

}  // namespace
}  // namespace dltonic::events
