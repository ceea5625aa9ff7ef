#include "dltonic/events/filters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>

#include "dltonic/core/error.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

/// The definitions, written as a search over all earlier events.
Events slow_refractory(const Events& in, std::int64_t delta) {
  Events out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    bool keeps = true;
    for (std::size_t j = 0; j < out.size(); ++j) {
      if (out.x[j] == in.x[i] && out.y[j] == in.y[i] && in.t[i] - out.t[j] <= delta) keeps = false;
    }
    if (!keeps) continue;
    out.x.push_back(in.x[i]), out.y.push_back(in.y[i]), out.t.push_back(in.t[i]), out.p.push_back(in.p[i]);
  }
  return out;
}
Events slow_denoise(const Events& in, std::int64_t window) {
  Events out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    bool keeps = false;
    for (std::size_t j = 0; j < i; ++j) {
      const int distance = std::abs(in.x[i] - in.x[j]) + std::abs(in.y[i] - in.y[j]);
      if (distance == 1 && in.t[i] - in.t[j] < window) keeps = true;
    }
    if (!keeps) continue;
    out.x.push_back(in.x[i]), out.y.push_back(in.y[i]), out.t.push_back(in.t[i]), out.p.push_back(in.p[i]);
  }
  return out;
}

TEST(Filters, KeepJustWhatTheDefinitionsAllow) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const Events events = random_events(400, 9, 7, 60, seed);
    Filters filters({}, Compat::none, 9, 7);
    Events refractory = events, denoised = events;
    filters.refractory_period(refractory, 500);
    filters.denoise(denoised, 120);
    EXPECT_TRUE(same(refractory, slow_refractory(events, 500)));
    EXPECT_TRUE(same(denoised, slow_denoise(events, 120)));
    EXPECT_LT(refractory.size(), events.size());
    EXPECT_LT(denoised.size(), events.size());
    EXPECT_GT(denoised.size(), 0u);
  }
}

TEST(Filters, RefractoryPeriodFirstThenDenoise) {
  const Events events = random_events(500, 8, 8, 40, 5);
  Filters filters({.denoise_us = 200, .refractory_us = 300}, Compat::none, 8, 8);
  Events both = events;
  const std::size_t dropped = filters.apply(both);
  EXPECT_EQ(dropped, events.size() - both.size());
  EXPECT_TRUE(same(both, slow_denoise(slow_refractory(events, 300), 200)));
  Events again = events;  // the memory of the recording before leaves no trace
  filters.apply(again);
  EXPECT_TRUE(same(both, again));
}

TEST(Filters, NothingIsKeptForComingEarlyUnlessTonicSaysSo) {
  const Events early{{3, 7}, {3, 1}, {100, 5000}, {1, 1}};
  Events ours = early, tonics = early;
  Filters({}, Compat::none, 10, 10).denoise(ours, 1000);
  Filters({}, Compat::tonic, 10, 10).denoise(tonics, 1000);
  EXPECT_EQ(ours.size(), 0u);
  EXPECT_EQ(tonics.t, (std::vector<std::uint32_t>{100}));
  // A box of one pixel has no neighbours, early or not.
  Events corner{{0}, {0}, {1}, {1}};
  Filters({}, Compat::tonic, 10, 10).denoise(corner, 1000);
  EXPECT_EQ(corner.size(), 0u);
}

TEST(Filters, TonicsRefractoryPeriodCountsDroppedEvents) {
  const Events events{{1, 1, 1}, {1, 1, 1}, {100, 900, 1500}, {1, 0, 1}};
  Events ours = events, tonics = events, at_zero{{1}, {1}, {0}, {1}};
  Filters({}, Compat::none, 4, 4).refractory_period(ours, 1000);
  Filters({}, Compat::tonic, 4, 4).refractory_period(tonics, 1000);
  EXPECT_EQ(ours.t, (std::vector<std::uint32_t>{100, 1500}));
  EXPECT_EQ(tonics.t, (std::vector<std::uint32_t>{100}));
  Events tonics_zero = at_zero;
  Filters({}, Compat::none, 4, 4).refractory_period(at_zero, 1000);
  Filters({}, Compat::tonic, 4, 4).refractory_period(tonics_zero, 1000);
  EXPECT_EQ(at_zero.size(), 1u);
  EXPECT_EQ(tonics_zero.size(), 0u);  // t − (−delta) is not above delta
}

TEST(Filters, EmptyRecordingsStayEmpty) {
  for (const Compat compat : {Compat::none, Compat::tonic}) {
    Events empty;
    EXPECT_EQ(Filters({.denoise_us = 10, .refractory_us = 10}, compat, 5, 5).apply(empty), 0u);
  }
}

TEST(Filters, DenoiseNearTheEndOfTimeIsThatOfEarlyTimes) {
  Events early = random_events(400, 9, 7, 60, 3);
  const std::uint32_t later = 4294967295u - early.t.back();  // the last event comes at the last microsecond there is
  Events late = early;
  for (std::uint32_t& t : late.t) t += later;
  Filters filters({}, Compat::none, 9, 7);
  filters.denoise(early, 120);
  filters.denoise(late, 120);
  for (std::uint32_t& t : late.t) t -= later;
  EXPECT_TRUE(same(early, late));
}

using Pixel = std::pair<int, int>;
std::map<Pixel, std::vector<std::size_t>> by_pixel(const Events& events) {
  std::map<Pixel, std::vector<std::size_t>> of;
  for (std::size_t i = 0; i < events.size(); ++i) of[{events.x[i], events.y[i]}].push_back(i);
  return of;
}

TEST(Filters, DecimationKeepsEveryNthEventOfAPixel) {
  const Events events = random_events(700, 6, 5, 40, 8);
  for (const int n : {2, 3, 7, 1000}) {
    std::vector<std::size_t> expected;
    for (const auto& [pixel, list] : by_pixel(events)) {
      for (std::size_t i = static_cast<std::size_t>(n) - 1; i < list.size(); i += static_cast<std::size_t>(n))
        expected.push_back(list[i]);
    }
    std::sort(expected.begin(), expected.end());
    Events kept = events;
    EXPECT_EQ(Filters({.decimation = n}, Compat::none, 6, 5).apply(kept), events.size() - expected.size());
    ASSERT_EQ(kept.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(kept.t[i], events.t[expected[i]]);
  }
}

TEST(Filters, HotPixelsAreThoseFarAboveTheOthers) {
  Events events = random_events(600, 8, 8, 100, 2);
  for (std::size_t i = 0; i < events.size(); i += 3) events.x[i] = 7, events.y[i] = 2;  // fires a third of all events
  double pixels = 0, sum = 0, squares = 0;
  const auto of = by_pixel(events);
  for (const auto& [pixel, list] : of)
    pixels += 1, sum += static_cast<double>(list.size()), squares += std::pow(list.size(), 2);
  const double sd = std::sqrt(squares / pixels - std::pow(sum / pixels, 2));
  const double duration_s = (events.t.back() - events.t.front()) * 1e-6;
  for (const double k : {0.1, 0.5, 3.0, 100.0}) {
    const double most = sum / pixels + k * sd;
    Events kept = events, by_rate = events;
    Filters({.hot_pixel_sd = k}, Compat::none, 8, 8).apply(kept);
    Filters({.hot_pixel_hz = most / duration_s}, Compat::none, 8, 8).apply(by_rate);
    std::size_t expected = 0;
    for (const auto& [pixel, list] : of) expected += static_cast<double>(list.size()) > most ? 0 : list.size();
    EXPECT_EQ(kept.size(), expected);
    EXPECT_TRUE(same(kept, by_rate));
    EXPECT_EQ(by_pixel(kept).count({7, 2}), k < 100 ? 0u : 1u);
  }
  Events instant{{1, 2}, {1, 1}, {50, 50}, {1, 1}};  // no duration: no rate
  Filters({.hot_pixel_hz = 10}, Compat::none, 8, 8).apply(instant);
  EXPECT_EQ(instant.size(), 2u);
}

TEST(Filters, TimeIsCroppedHalfOpen) {
  const Events events{{1, 2, 3, 4}, {1, 1, 1, 1}, {10, 20, 30, 40}, {1, 0, 1, 0}};
  const auto times = [&](std::int64_t start, std::int64_t end, Compat compat) {
    Events kept = events;
    Filters({.start_us = start, .end_us = end}, compat, 8, 8).apply(kept);
    return kept.t;
  };
  using Times = std::vector<std::uint32_t>;
  EXPECT_EQ(times(10, 30, Compat::none), (Times{10, 20}));
  EXPECT_EQ(times(10, 30, Compat::tonic), (Times{10, 20, 30}));
  EXPECT_EQ(times(11, 0, Compat::none), (Times{20, 30, 40}));
  EXPECT_EQ(times(0, 5, Compat::none), Times{});
  EXPECT_EQ(times(100, 200, Compat::none), Times{});
  EXPECT_EQ(times(0, 5'000'000'000, Compat::none), events.t);
}

TEST(Filters, ACropIsTheSensorThatFollows) {
  const Events events = random_events(500, 20, 12, 40, 9);
  const FilterOptions options{.crop = {3, 2, 10, 7}};
  Filters filters(options, Compat::none, 20, 12);
  EXPECT_EQ(filters.size_after(), (SensorSize{10, 7}));
  Events kept = events;
  filters.apply(kept);
  std::size_t next = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.x[i] < 3 || events.x[i] >= 13 || events.y[i] < 2 || events.y[i] >= 9) continue;
    ASSERT_LT(next, kept.size());
    EXPECT_EQ(kept.x[next], events.x[i] - 3);
    EXPECT_EQ(kept.y[next], events.y[i] - 2);
    EXPECT_EQ(kept.t[next], events.t[i]);
    ++next;
  }
  EXPECT_EQ(next, kept.size());
  EXPECT_THROW(Filters({.crop = {3, 2, 18, 7}}, Compat::none, 20, 12), ConfigError);
}

TEST(Filters, ALargerCentreCropIsAMargin) {
  const Events events = random_events(100, 5, 4, 40, 9);
  Events kept = events;
  Filters filters({.center_crop = {8, 4}}, Compat::none, 5, 4);
  EXPECT_EQ(filters.size_after(), (SensorSize{8, 4}));
  EXPECT_EQ(filters.apply(kept), 0u);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(kept.x[i], events.x[i] + 2);  // floor(-3 / 2) = -2, as Tonic has it
    EXPECT_EQ(kept.y[i], events.y[i]);
  }
}

TEST(Filters, DownsamplingDropsNoEvent) {
  const Events events = random_events(300, 21, 10, 40, 4);
  Events kept = events;
  Filters filters({.downsample = 4, .time_step_us = 100}, Compat::none, 21, 10);
  EXPECT_EQ(filters.size_after(), (SensorSize{6, 3}));
  EXPECT_EQ(filters.apply(kept), 0u);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(kept.x[i], events.x[i] / 4);
    EXPECT_EQ(kept.y[i], events.y[i] / 4);
    EXPECT_EQ(kept.t[i], events.t[i] / 100 * 100);
    EXPECT_EQ(kept.p[i], events.p[i]);
  }
}

TEST(Filters, EveryOptionChangesTheKeyAndOffOnesLeaveItAlone) {
  const std::string off = FilterOptions{}.describe();
  EXPECT_EQ(off, "refractory_us=0 denoise_us=0");  // the key of what was prepared before there were others
  EXPECT_FALSE(FilterOptions{}.any());
  for (const FilterOptions& options :
       {FilterOptions{.denoise_us = 5}, FilterOptions{.refractory_us = 5}, FilterOptions{.start_us = 5},
        FilterOptions{.end_us = 5}, FilterOptions{.hot_pixel_hz = 5}, FilterOptions{.hot_pixel_sd = 5},
        FilterOptions{.decimation = 5}, FilterOptions{.crop = {0, 0, 5, 5}}, FilterOptions{.center_crop = {5, 5}},
        FilterOptions{.downsample = 5}, FilterOptions{.time_step_us = 5}}) {
    EXPECT_NE(options.describe(), off);
    EXPECT_TRUE(options.any());
  }
}

}  // namespace
}  // namespace dltonic::events
