#include "dltonic/events/augment_mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

constexpr SensorSize kSensor{34, 26};

/// Events of both that `keeps(event of which, index)` names, in order of time, the first one's before the second one's.
template <class Keeps>
Events slow_mix(const Events& first, const Events& second, Keeps keeps) {
  struct Row {
    std::uint32_t t;
    std::uint16_t x, y;
    std::uint8_t p;
  };
  std::vector<Row> rows;
  const Events* both[2] = {&first, &second};
  const std::uint32_t zero = first.empty() ? 0 : first.t.front();
  for (int which = 0; which < 2; ++which) {
    const Events& e = *both[which];
    for (std::size_t i = 0; i < e.size(); ++i) {
      if (keeps(which, i)) rows.push_back({zero + (e.t[i] - e.t.front()), e.x[i], e.y[i], e.p[i]});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.t < b.t; });
  Events out;
  for (const Row& row : rows) out.x.push_back(row.x), out.y.push_back(row.y), out.t.push_back(row.t), out.p.push_back(row.p);
  return out;
}

TEST(CutMix, TheBoxComesFromTheSecondAndTheLabelIsSharedByArea) {
  AugmentMemory memory;
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const Events first = random_events(seed % 5 == 0 ? 0 : 400, kSensor.width, kSensor.height, 50, seed);
    const Events second = random_events(seed % 7 == 0 ? 0 : 300, kSensor.width, kSensor.height, 80, seed + 100);
    Random random(seed, Use::test);
    const Box box = draw_box(random.uniform_double(), kSensor, random);
    const auto in_box = [&](const Events& e, std::size_t i) {
      return e.x[i] >= box.x && e.x[i] < box.x + box.width && e.y[i] >= box.y && e.y[i] < box.y + box.height;
    };
    Events mixed = first;
    const double share = cut_mix(mixed, second, box, kSensor, memory);
    EXPECT_TRUE(same(mixed, slow_mix(first, second, [&](int which, std::size_t i) {
                       return which == 0 ? !in_box(first, i) : in_box(second, i);
                     })));
    EXPECT_DOUBLE_EQ(share, 1 - box.width * box.height / static_cast<double>(kSensor.width * kSensor.height));
  }
}

TEST(EventMix, TheMaskComesFromTheSecondAndTheLabelIsSharedByEvents) {
  AugmentMemory memory;
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const Events first = random_events(seed % 5 == 0 ? 0 : 400, kSensor.width, kSensor.height, 50, seed);
    const Events second = random_events(seed % 7 == 0 ? 0 : 300, kSensor.width, kSensor.height, 80, seed + 100);
    Random random(seed, Use::test);
    const MixMask mask(MixShape::draw(random.uniform_double(), random));
    const auto duration = [](const Events& e) { return e.empty() ? 0.0 : e.t.back() - e.t.front(); };
    const double longest = std::max(duration(first), duration(second)) + 1;
    std::size_t near_a_border = 0, stayed = 0;
    const auto in_mask = [&](const Events& e, std::size_t i) {
      const double t = 16 * (e.t[i] - e.t.front()) / longest;
      if (std::abs(t - std::round(t)) < 1e-4) ++near_a_border;  // rounded either way
      const auto cell = [](double v) { return std::min(15, static_cast<int>(v)); };
      // Cells of x and y by the same whole-number rule.
      return mask.at(static_cast<int>(e.x[i] * static_cast<std::uint32_t>((16 << 16) / kSensor.width) >> 16),
                     static_cast<int>(e.y[i] * static_cast<std::uint32_t>((16 << 16) / kSensor.height) >> 16), cell(t));
    };
    Events mixed = first;
    const double share = event_mix(mixed, second, mask, kSensor, memory);
    const Events expected = slow_mix(first, second, [&](int which, std::size_t i) {
      const bool keeps = which == 0 ? !in_mask(first, i) : in_mask(second, i);
      stayed += keeps && which == 0 ? 1 : 0;
      return keeps;
    });
    ASSERT_LE(near_a_border, 4u);  // the first event of each, at 0
    EXPECT_TRUE(same(mixed, expected));
    EXPECT_DOUBLE_EQ(share, mixed.empty() ? 1 : static_cast<double>(stayed) / static_cast<double>(mixed.size()));
  }
}

TEST(EventMix, MasksHaveTheShareAskedForAndAreOfOnePieceForOneGaussian) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    Random random(seed, Use::test);
    const double share = seed == 0 ? 0 : seed == 1 ? 1 : random.uniform_double();
    const MixMask mask(MixShape::draw(share, random));
    EXPECT_NEAR(mask.share(), share, 4 / 4096.0);  // cells of equal density come together
  }
}

TEST(EventMix, BetaDrawsHaveTheMomentsOfBeta) {
  for (const double alpha : {0.2, 1.0, 4.0}) {
    constexpr int kDraws = 20000;
    double sum = 0, squares = 0;
    Random random(3, Use::test);
    for (int i = 0; i < kDraws; ++i) {
      const double share = draw_beta(alpha, random);
      ASSERT_GE(share, 0);
      ASSERT_LE(share, 1);
      sum += share, squares += (share - 0.5) * (share - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(sum / kDraws, 0.5, 4 * std::sqrt(variance / kDraws));
    EXPECT_NEAR(squares / kDraws, variance, 0.03 * variance);
  }
}

}  // namespace
}  // namespace dltonic::events
