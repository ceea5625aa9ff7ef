#include "events/keep.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

/// Event i of `in` where keeps(i), one at a time.
template <class Keeps>
Events chosen(const Events& in, Keeps keeps) {
  Events out;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!keeps(i)) continue;
    out.x.push_back(in.x[i]), out.y.push_back(in.y[i]), out.t.push_back(in.t[i]), out.p.push_back(in.p[i]);
  }
  return out;
}

TEST(Keep, EveryMaskOfEveryLengthKeepsJustItsEventsInOrder) {
  for (std::uint32_t n = 0; n < 140; ++n) {
    Random random(n, Use::test);
    for (const std::uint32_t share : {0u, 1u, 5u, 9u, 10u}) {  // tenths
      const Events events = random_events(n, 300, 300, 1000, n);
      std::vector<std::uint8_t> marks(n);
      std::vector<std::uint32_t> words((n + 31) / 32);
      for (std::uint32_t i = 0; i < n; ++i) {
        marks[i] = random.below(10) < share ? 1 : 0;
        words[i / 32] |= std::uint32_t{marks[i]} << (i % 32);
      }
      const Events kept = chosen(events, [&](std::size_t i) { return marks[i] == 1; });
      const Events dropped = chosen(events, [&](std::size_t i) { return marks[i] == 0; });
      Events by_marks = events, by_bits = events, by_other_bits = events;
      EXPECT_EQ(keep_marked(by_marks, marks), n - kept.size());
      EXPECT_EQ(keep_by_bits(by_bits, words, true), n - kept.size());
      EXPECT_EQ(keep_by_bits(by_other_bits, words, false), kept.size());
      EXPECT_TRUE(same(by_marks, kept)) << n;
      EXPECT_TRUE(same(by_bits, kept)) << n;
      EXPECT_TRUE(same(by_other_bits, dropped)) << n;
    }
  }
}

TEST(Keep, RangesAreHalfOpen) {
  const Events events = random_events(50, 30, 30, 10, 3);
  for (const auto& [first, last] : {std::pair<std::size_t, std::size_t>{0, 50}, {0, 0}, {50, 50}, {7, 31}, {0, 12}, {40, 50}}) {
    const auto inside = [&, from = first, to = last](std::size_t i) { return i >= from && i < to; };
    Events kept = events, dropped = events;
    EXPECT_EQ(keep_range(kept, first, last), 50 - (last - first));
    EXPECT_EQ(drop_range(dropped, first, last), last - first);
    EXPECT_TRUE(same(kept, chosen(events, inside)));
    EXPECT_TRUE(same(dropped, chosen(events, [&](std::size_t i) { return !inside(i); })));
  }
}

}  // namespace
}  // namespace dltonic::events
