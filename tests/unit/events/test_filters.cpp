#include "dltonic/events/filters.h"

#include <gtest/gtest.h>

#include <cstdlib>

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
bool same(const Events& a, const Events& b) { return a.x == b.x && a.y == b.y && a.t == b.t && a.p == b.p; }

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

}  // namespace
}  // namespace dltonic::events
