#include "dltonic/events/augment_steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "dltonic/events/normal.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

constexpr SensorSize kSensor{19, 13};
const EventDraws kDraws{.seed = 0x123456789ABCDEFull, .use = Use::test, .epoch = 3, .recording = 11};

Events sample(std::uint32_t seed = 1, std::size_t n = 500) { return random_events(n, kSensor.width, kSensor.height, 60, seed); }
bool sorted(const Events& e) { return std::is_sorted(e.t.begin(), e.t.end()); }
bool inside(const Events& e, SensorSize s) {
  return std::all_of(e.x.begin(), e.x.end(), [&](int x) { return x < s.width; }) &&
         std::all_of(e.y.begin(), e.y.end(), [&](int y) { return y < s.height; });
}

/// Events that can be told apart: event i has x = i mod 1000, y = i / 1000.
Events numbered(std::size_t n, std::uint32_t gap_us, std::uint32_t first_us) {
  Events events;
  for (std::size_t i = 0; i < n; ++i) {
    events.x.push_back(static_cast<std::uint16_t>(i % 1000));
    events.y.push_back(static_cast<std::uint16_t>(i / 1000));
    events.t.push_back(first_us + static_cast<std::uint32_t>(i) * gap_us);
    events.p.push_back(static_cast<std::uint8_t>(i % 2));
  }
  return events;
}
std::size_t number_of(const Events& events, std::size_t i) { return events.y[i] * std::size_t{1000} + events.x[i]; }

/// Largest distance of the values' distribution from a continuous one, times √n: 1.95 is passed once in 1000 by chance.
template <class Cdf>
double kolmogorov(std::vector<double> values, Cdf cdf) {
  std::sort(values.begin(), values.end());
  double most = 0;
  const auto n = static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double c = cdf(values[i]);
    most = std::max({most, c - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - c});
  }
  return most * std::sqrt(n);
}
double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

TEST(AugmentSteps, WhatIsDoneTwiceIsNothing) {
  const Events events = sample();
  Events x = events, y = events, p = events, t = events, r = events;
  flip_x(x, kSensor.width), flip_y(y, kSensor.height), flip_polarity(p), reverse_time(t), roll(r, 5, -9, kSensor);
  EXPECT_FALSE(same(x, events) || same(y, events) || same(p, events) || same(t, events) || same(r, events));
  EXPECT_TRUE(inside(x, kSensor) && inside(y, kSensor) && inside(r, kSensor));
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(x.x[i], kSensor.width - 1 - events.x[i]);
    EXPECT_EQ(y.y[i], kSensor.height - 1 - events.y[i]);
    EXPECT_EQ(p.p[i], 1 - events.p[i]);
    EXPECT_EQ(r.x[i], (events.x[i] + 5) % kSensor.width);
    EXPECT_EQ(r.y[i], (events.y[i] + kSensor.height - 9) % kSensor.height);
  }
  flip_x(x, kSensor.width), flip_y(y, kSensor.height), flip_polarity(p), reverse_time(t), roll(r, -5, 9, kSensor);
  EXPECT_TRUE(same(x, events) && same(y, events) && same(p, events) && same(t, events) && same(r, events));
  Events rounds = events;
  roll(rounds, 3 * kSensor.width, -2 * kSensor.height, kSensor);
  EXPECT_TRUE(same(rounds, events));
}

TEST(AugmentSteps, BackwardsBeginsWithTheLastEvent) {
  Events events{{1, 2, 3}, {4, 5, 6}, {100, 130, 1000}, {1, 1, 0}};
  reverse_time(events);
  EXPECT_EQ(events.x, (std::vector<std::uint16_t>{3, 2, 1}));
  EXPECT_EQ(events.t, (std::vector<std::uint32_t>{100, 970, 1000}));
  EXPECT_EQ(events.p, (std::vector<std::uint8_t>{1, 0, 0}));
  Events late{{1, 2}, {1, 2}, {4294967000u, 4294967295u}, {0, 0}};
  reverse_time(late);
  EXPECT_EQ(late.t, (std::vector<std::uint32_t>{4294967000u, 4294967295u}));
}

TEST(AugmentSteps, SkewStretchesFromTheFirstEvent) {
  const Events events = numbered(100, 1000, 777);
  for (const double factor : {0.0, 0.25, 1.0, 1.5, 7.0}) {
    Events skewed = events;
    skew_time(skewed, factor);
    for (std::size_t i = 0; i < events.size(); ++i)
      EXPECT_EQ(skewed.t[i], 777 + std::llround(factor * 1000 * static_cast<double>(i)));
  }
  Events long_one = numbered(3, 2'000'000'000u, 5);
  skew_time(long_one, 3);
  EXPECT_EQ(long_one.t, (std::vector<std::uint32_t>{5, 4294967295u, 4294967295u}));
}

TEST(AugmentSteps, DeletedTimeLeavesNoGapAndDroppedTimeDoes) {
  const Events events = sample();
  const std::uint32_t first = events.t.front();
  Events deleted = events, dropped = events;
  delete_time(deleted, 3000, 2000);
  drop_time(dropped, 3000, 2000);
  ASSERT_EQ(deleted.size(), dropped.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::uint32_t t = events.t[i] - first;
    if (t >= 3000 && t < 5000) continue;
    ASSERT_LT(next, dropped.size());
    EXPECT_EQ(dropped.t[next], events.t[i]);
    EXPECT_EQ(deleted.t[next], t < 3000 ? events.t[i] : events.t[i] - 2000);
    EXPECT_EQ(std::tie(dropped.x[next], dropped.p[next]), std::tie(events.x[i], events.p[i]));
    ++next;
  }
  EXPECT_EQ(next, dropped.size());
  EXPECT_LT(next, events.size());
  EXPECT_TRUE(sorted(deleted));
}

TEST(AugmentSteps, NormalNumbersAreTheInverseOfTheDistribution) {
  Random random(1, Use::test);
  const auto check = [](std::uint32_t word) {
    const double z = NormalTable::normal(word) / 65536.0;
    const double tail = static_cast<double>((word >> 1) | 1u) * 0x1p-32;
    EXPECT_GE((word & 1u) != 0 ? -z : z, 0) << word;
    const double density = std::exp(-0.5 * z * z) / std::sqrt(6.283185307179586);
    EXPECT_LT(std::abs(1 - normal_cdf(std::abs(z)) - tail) / density, 0.001) << word;  // the difference of z
  };
  for (int i = 0; i < 200000; ++i) check(random.next_u32());
  for (std::uint32_t shift = 1; shift < 32; ++shift) {
    for (const std::uint32_t off : {0u, 1u, 2u, 3u}) check((1u << shift) + off), check((1u << shift) - 1 - off % 2);
  }
  for (const std::uint32_t word : {0u, 1u, ~0u, ~0u - 1}) check(word);
  EXPECT_EQ(NormalTable::normal(~0u - 1), 0);
  EXPECT_NEAR(NormalTable::normal(0) / 65536.0, 6.23, 0.01);
}

TEST(AugmentSteps, TimeJitterIsNormalAndSorted) {
  constexpr std::size_t kEvents = 40000;
  AugmentMemory memory;
  for (const double sd : {20.0, 500.0, 30000.0}) {
    const Events events = numbered(kEvents, 50, 1'000'000);
    Events jittered = events;
    jitter_time(jittered, sd, kDraws, memory);
    ASSERT_EQ(jittered.size(), kEvents);
    EXPECT_TRUE(sorted(jittered));
    std::vector<double> moved(kEvents);
    std::vector<int> seen(kEvents);
    for (std::size_t i = 0; i < kEvents; ++i) {
      const std::size_t was = number_of(jittered, i);
      ++seen[was];
      EXPECT_EQ(jittered.p[i], events.p[was]);
      // Half a step apart, at random, so that whole microseconds are no steps.
      moved[was] = (static_cast<double>(jittered.t[i]) - events.t[was] +
                    Random(1, Use::test, 0, static_cast<std::uint32_t>(i)).uniform() - 0.5) /
                   sd;
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(kEvents));
    EXPECT_LT(kolmogorov(moved, normal_cdf), 1.95) << sd;
  }
}

TEST(AugmentSteps, TimeJitterStaysInTheClocksRangeAndKeepsTies) {
  AugmentMemory memory;
  Events early = numbered(2000, 0, 0), late = numbered(2000, 0, 4294967295u), still = numbered(2000, 0, 5000);
  jitter_time(early, 100, kDraws, memory);
  jitter_time(late, 100, kDraws, memory);
  jitter_time(still, 0.01, kDraws, memory);
  EXPECT_TRUE(sorted(early) && sorted(late));
  EXPECT_GT(std::count(early.t.begin(), early.t.end(), 0u), 900);
  EXPECT_GT(std::count(late.t.begin(), late.t.end(), 4294967295u), 900);
  EXPECT_LT(early.t.back(), 1000u);
  EXPECT_GT(late.t.front(), 4294966000u);
  EXPECT_TRUE(same(still, numbered(2000, 0, 5000)));
  // Events of one time keep their order, also where others pass them.
  Events ties = numbered(3000, 1, 10000);
  jitter_time(ties, 40, kDraws, memory);
  Events again = numbered(3000, 1, 10000);
  jitter_time(again, 40, kDraws, memory);
  EXPECT_TRUE(same(ties, again));
  for (std::size_t i = 1; i < ties.size(); ++i) {
    EXPECT_TRUE(ties.t[i - 1] < ties.t[i] || number_of(ties, i - 1) < number_of(ties, i));
  }
}

TEST(AugmentSteps, ShiftDropsWhatLeaves) {
  AugmentMemory memory;
  for (const auto& [dx, dy] : {std::pair{0, 0}, {3, -2}, {-18, 12}, {19, 0}, {0, -13}, {-400, 400}}) {
    const Events events = sample();
    Events moved = events;
    shift(moved, dx, dy, kSensor, memory);
    std::size_t next = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const int x = events.x[i] + dx, y = events.y[i] + dy;
      if (x < 0 || x >= kSensor.width || y < 0 || y >= kSensor.height) continue;
      ASSERT_LT(next, moved.size());
      EXPECT_EQ(moved.x[next], x);
      EXPECT_EQ(moved.y[next], y);
      EXPECT_EQ(moved.t[next], events.t[i]);
      ++next;
    }
    EXPECT_EQ(next, moved.size());
  }
}

TEST(AugmentSteps, LinearMapsAreThoseOfRealNumbers) {
  AugmentMemory memory;
  Events every;  // one event a pixel
  for (int i = 0; i < kSensor.width * kSensor.height; ++i) {
    every.x.push_back(static_cast<std::uint16_t>(i % kSensor.width)),
        every.y.push_back(static_cast<std::uint16_t>(i / kSensor.width));
    every.t.push_back(static_cast<std::uint32_t>(i)), every.p.push_back(1);
  }
  Random random(4, Use::test);
  for (int k = 0; k < 200; ++k) {
    const double angle = 180 * (2 * random.uniform_double() - 1);
    const LinearMap map = k % 2 == 0 ? LinearMap::rotation(angle) : LinearMap::shear(angle / 4);
    Events moved = every;
    map_linear(moved, map, kSensor, memory);
    EXPECT_TRUE(inside(moved, kSensor) && sorted(moved));
    std::size_t next = 0;
    const double cx = (kSensor.width - 1) / 2.0, cy = (kSensor.height - 1) / 2.0;
    for (std::size_t i = 0; i < every.size(); ++i) {
      const double x = every.x[i] - cx, y = every.y[i] - cy;
      const double to_x = cx + map.xx * x + map.xy * y, to_y = cy + map.yx * x + map.yy * y;
      const bool found = next < moved.size() && moved.t[next] == i;
      const auto near = [](double real, int pixel) { return std::abs(real - pixel) < 0.501; };
      if (found) {
        EXPECT_TRUE(near(to_x, moved.x[next]) && near(to_y, moved.y[next])) << "angle " << angle << " pixel " << i;
        ++next;
      } else {  // it left: not by more than a rounding
        EXPECT_TRUE(to_x < -0.499 || to_x > kSensor.width - 0.501 || to_y < -0.499 || to_y > kSensor.height - 0.501);
      }
    }
    EXPECT_EQ(next, moved.size());
  }
  Events around = every, half = every, flipped = every;
  map_linear(around, LinearMap::rotation(0), kSensor, memory);
  EXPECT_TRUE(same(around, every));
  map_linear(half, LinearMap::rotation(180), kSensor, memory);
  flip_x(flipped, kSensor.width), flip_y(flipped, kSensor.height);
  EXPECT_TRUE(same(half, flipped));
}

TEST(AugmentSteps, SpatialJitterIsNormalAndCutOffAtTheEdges) {
  constexpr SensorSize kLarge{1000, 1000};
  AugmentMemory memory;
  Events events = numbered(40000, 1, 0);
  std::fill(events.x.begin(), events.x.end(), std::uint16_t{500});
  std::fill(events.y.begin(), events.y.end(), std::uint16_t{400});
  Events moved = events;
  jitter_place(moved, 20, kLarge, kDraws, memory);
  std::vector<double> xs, ys;
  double product = 0;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    Random random(1, Use::test, 1, static_cast<std::uint32_t>(i));
    xs.push_back((moved.x[i] - 500 + random.uniform() - 0.5) / 20);
    ys.push_back((moved.y[i] - 400 + random.uniform() - 0.5) / 20);
    product += xs.back() * ys.back();
  }
  EXPECT_LT(kolmogorov(xs, normal_cdf), 1.95);
  EXPECT_LT(kolmogorov(ys, normal_cdf), 1.95);
  EXPECT_LT(std::abs(product) / std::sqrt(40000.0), 4);  // x and y apart
  EXPECT_EQ(moved.t, events.t);
  Events small = sample(2, 5000);
  jitter_place(small, 8, kSensor, kDraws, memory);
  EXPECT_TRUE(inside(small, kSensor));
  EXPECT_EQ(small.size(), 5000u);
}

TEST(AugmentSteps, DroppedEventsAreASubsetOfTheShareAskedForByPlaceAlone) {
  constexpr std::size_t kEvents = 100001;
  AugmentMemory memory;
  const Events events = numbered(kEvents, 1, 0);
  for (const double p : {1e-4, 0.1, 0.5, 0.93}) {
    Events kept = events, shorter = numbered(777, 1, 0);
    drop_events(kept, p, kDraws, memory);
    drop_events(shorter, p, kDraws, memory);
    const double n = kEvents, dropped = n - static_cast<double>(kept.size());
    EXPECT_NEAR(dropped, n * p, 4 * std::sqrt(n * p * (1 - p))) << p;
    EXPECT_TRUE(std::is_sorted(kept.t.begin(), kept.t.end()));
    for (std::size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(number_of(kept, i), kept.t[i]);  // columns moved together
    for (std::size_t i = 0; i < shorter.size(); ++i) ASSERT_EQ(shorter.t[i], kept.t[i]);
    // Gaps between dropped events are geometric: no pattern of 8, 32 or 256.
    std::map<std::size_t, double> by_place;
    std::vector<bool> stays(kEvents);
    for (const std::uint32_t t : kept.t) stays[t] = true;
    for (std::size_t i = 0; i < kEvents - kEvents % 256; ++i) by_place[i % 256] += stays[i] ? 0 : 1;
    double chi = 0;
    const double expected = p * static_cast<double>(kEvents / 256);
    for (std::size_t place = 0; place < 256; ++place) chi += std::pow(by_place[place] - expected, 2) / (expected * (1 - p));
    EXPECT_LT(chi, 255 + 5 * std::sqrt(2 * 255.0)) << p;
  }
}

TEST(AugmentSteps, BoxesHaveTheAreaAndLieAnywhereInside) {
  Random random(5, Use::test);
  AugmentMemory memory;
  for (const double share : {0.001, 0.1, 0.25, 0.9, 1.0}) {
    std::map<std::pair<int, int>, int> corners;
    for (int k = 0; k < 3000; ++k) {
      const Box box = draw_box(share, kSensor, random);
      ASSERT_GE(box.x, 0);
      ASSERT_GE(box.y, 0);
      ASSERT_LE(box.x + box.width, kSensor.width);
      ASSERT_LE(box.y + box.height, kSensor.height);
      EXPECT_NEAR(box.width, std::max(1.0, std::sqrt(share) * kSensor.width), 0.5);
      EXPECT_NEAR(box.height, std::max(1.0, std::sqrt(share) * kSensor.height), 0.5);
      ++corners[{box.x, box.y}];
    }
    const Box any = draw_box(share, kSensor, random);
    EXPECT_EQ(corners.size(), static_cast<std::size_t>((kSensor.width - any.width + 1) * (kSensor.height - any.height + 1)));
  }
  const Events events = sample(3, 2000);
  Events kept = events;
  const Box box{4, 2, 7, 5};
  drop_area(kept, box, memory);
  std::size_t outside = 0;
  for (std::size_t i = 0; i < events.size(); ++i)
    outside += events.x[i] < 4 || events.x[i] >= 11 || events.y[i] < 2 || events.y[i] >= 7 ? 1 : 0;
  EXPECT_EQ(kept.size(), outside);
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_FALSE(kept.x[i] >= 4 && kept.x[i] < 11 && kept.y[i] >= 2 && kept.y[i] < 7);
}

TEST(AugmentSteps, SpansHaveTheLengthAndLieAnywhereInside) {
  Random random(6, Use::test);
  std::vector<double> starts;
  for (int k = 0; k < 3000; ++k) {
    const Span span = span_of(0.3, random.next_u32(), 1000);
    EXPECT_EQ(span.length_us, 300u);
    ASSERT_LE(span.start_us, 700u);
    starts.push_back((span.start_us + random.uniform_double()) / 701);
  }
  EXPECT_LT(kolmogorov(starts, [](double v) { return v; }), 1.95);
}

TEST(AugmentSteps, EventDropTakesOneOfThreeAndLeavesSomething) {
  AugmentMemory memory;
  std::map<std::uint32_t, int> choices;
  for (std::uint32_t recording = 0; recording < 1500; ++recording) {
    const EventDraws draws{1, Use::event_drop_one, 0, recording};
    Random random = draws.once(), same_random = draws.once();
    const Events events = sample(recording, 300);
    Events kept = events;
    apply(draw_drop_one(kSensor, random), kept, kSensor, draws, memory);
    ++choices[same_random.below(3)];
    EXPECT_GT(kept.size(), 0u);
    EXPECT_TRUE(sorted(kept) && inside(kept, kSensor));
    for (std::size_t n = 1; n <= 3; ++n) {
      Events few = sample(recording, n);
      Random once = draws.once();
      apply(draw_drop_one(kSensor, once), few, kSensor, draws, memory);
      EXPECT_GT(few.size(), 0u);
    }
  }
  for (const auto& [choice, count] : choices) EXPECT_NEAR(count, 500, 5 * std::sqrt(1500 * 2.0 / 9));
}

TEST(AugmentSteps, NoiseIsUniformAndAddsToWhatIsThere) {
  constexpr std::size_t kNoise = 60000;
  AugmentMemory memory;
  const Events events = random_events(3000, kSensor.width, kSensor.height, 60, 9);
  Events noisy = events;
  add_noise(noisy, kNoise, kSensor, kDraws, memory);
  ASSERT_EQ(noisy.size(), events.size() + kNoise);
  EXPECT_TRUE(sorted(noisy) && inside(noisy, kSensor));
  EXPECT_EQ(noisy.t.front(), events.t.front());
  EXPECT_EQ(noisy.t.back(), events.t.back());
  // The events are still there, in order; the rest is noise.
  std::vector<double> counts(static_cast<std::size_t>(kSensor.width * kSensor.height * 2)), times;
  std::size_t next = 0;
  Random random(8, Use::test);
  const double moments = events.t.back() - events.t.front() + 1.0;
  for (std::size_t i = 0; i < noisy.size(); ++i) {
    const auto event = std::tie(noisy.t[i], noisy.x[i], noisy.y[i], noisy.p[i]);
    if (next < events.size() && event == std::tie(events.t[next], events.x[next], events.y[next], events.p[next])) {
      ++next;
      continue;
    }
    ++counts[static_cast<std::size_t>((noisy.y[i] * kSensor.width + noisy.x[i]) * 2 + noisy.p[i])];
    times.push_back((noisy.t[i] - events.t.front() + random.uniform_double()) / moments);
  }
  EXPECT_EQ(next, events.size());
  const double expected = static_cast<double>(kNoise) / static_cast<double>(counts.size());
  double chi = 0;
  for (const double count : counts) chi += std::pow(count - expected, 2) / expected;
  const auto freedom = static_cast<double>(counts.size() - 1);
  EXPECT_NEAR(chi, freedom, 5 * std::sqrt(2 * freedom));
  EXPECT_LT(kolmogorov(times, [](double v) { return v; }), 1.95);
  Events none;
  add_noise(none, 10, kSensor, kDraws, memory);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace dltonic::events
