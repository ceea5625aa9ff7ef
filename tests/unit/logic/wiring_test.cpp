#include "dltonic/logic/wiring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "dltonic/core/error.h"
#include "dltonic/logic/wiring_plan.h"

namespace dltonic::logic {
namespace {

struct Shape {
  int inputs, gates;
};
void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.inputs << "x" << shape.gates; }

std::vector<int> fan_outs(const Wiring& wiring, int inputs) {
  std::vector<int> fan(static_cast<std::size_t>(inputs));
  for (const auto* operand : {&wiring.a, &wiring.b}) {
    for (const std::int32_t input : *operand) ++fan.at(static_cast<std::size_t>(input));
  }
  return fan;
}

std::size_t different_pairs(const Wiring& wiring) {
  std::set<std::pair<int, int>> pairs;
  for (std::size_t i = 0; i < wiring.gates(); ++i) pairs.insert(std::minmax(wiring.a[i], wiring.b[i]));
  return pairs.size();
}

/// Gates whose neighbour in canonical order shares an input with them.
double share_of_neighbours(const Wiring& w) {
  std::size_t sharing = 0;
  for (std::size_t i = 1; i < w.gates(); ++i)
    sharing += w.a[i] == w.a[i - 1] || w.a[i] == w.b[i - 1] || w.b[i] == w.a[i - 1] || w.b[i] == w.b[i - 1];
  return static_cast<double>(sharing) / static_cast<double>(w.gates());
}

class WiringRules : public testing::TestWithParam<std::tuple<WiringKind, Shape>> {};

TEST_P(WiringRules, Hold) {
  const auto [kind, shape] = GetParam();
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    const Wiring wiring = make_wiring(kind, shape.inputs, shape.gates, seed, 1, seed == 2);
    ASSERT_EQ(wiring.gates(), static_cast<std::size_t>(shape.gates));
    ASSERT_NO_THROW(check_wiring(wiring, shape.inputs));
    for (std::size_t i = 0; i < wiring.gates(); ++i) ASSERT_NE(wiring.a[i], wiring.b[i]) << i;
    const std::vector<int> fan = fan_outs(wiring, shape.inputs);
    const auto [least, most] = std::minmax_element(fan.begin(), fan.end());
    ASSERT_LE(*most - *least, 1);
    ASSERT_EQ(std::count(fan.begin(), fan.end(), 0), unused_inputs(shape.inputs, shape.gates));
    if (kind != WiringKind::random) {
      ASSERT_EQ(different_pairs(wiring), wiring.gates());
    }
    ASSERT_EQ(wiring, make_wiring(kind, shape.inputs, shape.gates, seed, 1, seed == 2)) << "not a function of its arguments";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WiringRules,
    testing::Combine(testing::Values(WiringKind::chain, WiringKind::random, WiringKind::unique),
                     testing::Values(Shape{2, 1}, Shape{3, 1}, Shape{3, 2}, Shape{3, 3}, Shape{4, 5}, Shape{4, 6}, Shape{5, 10},
                                     Shape{6, 15}, Shape{7, 7}, Shape{8, 27}, Shape{9, 32}, Shape{10, 40}, Shape{24, 40},
                                     Shape{25, 250}, Shape{26, 313}, Shape{100, 30}, Shape{100, 50}, Shape{100, 60},
                                     Shape{100, 99}, Shape{100, 100}, Shape{101, 150}, Shape{784, 8000}, Shape{400, 8000},
                                     Shape{2312, 16000}, Shape{23120, 16000}, Shape{16000, 16000}, Shape{50000, 1000})));

// Every size that is possible at all, up to the complete graph.
TEST(Wiring, SmallShapesAllHold) {
  for (const WiringKind kind : {WiringKind::chain, WiringKind::unique}) {
    for (int inputs = 2; inputs <= 11; ++inputs) {
      for (int gates = 1; gates <= inputs * (inputs - 1) / 2; ++gates) {
        const Wiring wiring = make_wiring(kind, inputs, gates, 5, 0, false);
        const std::vector<int> fan = fan_outs(wiring, inputs);
        ASSERT_EQ(wiring.gates(), static_cast<std::size_t>(gates)) << inputs;
        ASSERT_EQ(different_pairs(wiring), wiring.gates()) << inputs << " " << gates;
        ASSERT_LE(*std::max_element(fan.begin(), fan.end()) - *std::min_element(fan.begin(), fan.end()), 1)
            << inputs << " " << gates;
        for (std::size_t i = 0; i < wiring.gates(); ++i) ASSERT_NE(wiring.a[i], wiring.b[i]);
      }
    }
  }
}

TEST(Wiring, SquareChainIsOneCycle) {
  for (const int n : {3, 4, 7, 100, 1000}) {
    for (const bool last : {false, true}) {
      const Walk walk = make_walk(make_wiring(WiringKind::chain, n, n, 3, 2, last), n);
      ASSERT_FALSE(walk.segments.empty());
      std::size_t starts = 0;
      for (const Walk::Segment& s : walk.segments) starts += s.before != s.begin - 1;
      EXPECT_EQ(starts, 1u) << n;
      for (std::size_t k = 0; k < walk.order.gate.size(); ++k)
        EXPECT_EQ(walk.order.b[k], walk.order.a[(k + 1) % walk.order.a.size()]);
    }
  }
}

TEST(Wiring, ChainSharesInputsAlongItsOrder) {
  EXPECT_GT(share_of_neighbours(make_wiring(WiringKind::chain, 784, 8000, 0, 0, false)), 0.9);
  EXPECT_GT(share_of_neighbours(make_wiring(WiringKind::chain, 23120, 64000, 0, 0, false)), 0.75);
}

// A class is a run of canonical gates: in the last layer that must not be a run of the walk.
TEST(Wiring, LastLayersOrderIsIndependentOfTheWalk) {
  for (const int inputs : {784, 8000})
    EXPECT_LT(share_of_neighbours(make_wiring(WiringKind::chain, inputs, 8000, 0, 3, true)), 0.02);
}

TEST(Wiring, DiffersBySeedAndLayer) {
  for (const WiringKind kind : {WiringKind::chain, WiringKind::random, WiringKind::unique}) {
    const Wiring wiring = make_wiring(kind, 50, 70, 1, 1, false);
    EXPECT_NE(wiring, make_wiring(kind, 50, 70, 2, 1, false));
    EXPECT_NE(wiring, make_wiring(kind, 50, 70, 1, 2, false));
  }
}

TEST(Wiring, TooFewPairsOrInputsAreRefused) {
  EXPECT_THROW(make_wiring(WiringKind::chain, 10, 46, 0, 0, false), ConfigError);
  EXPECT_THROW(make_wiring(WiringKind::unique, 10, 46, 0, 0, false), ConfigError);
  EXPECT_NO_THROW(make_wiring(WiringKind::random, 10, 46, 0, 0, false));
  EXPECT_THROW(make_wiring(WiringKind::random, 1, 4, 0, 0, false), ConfigError);
  EXPECT_THROW(make_wiring(WiringKind::random, 4, 0, 0, 0, false), ConfigError);
  EXPECT_THROW(wiring_kind_from("rand"), ConfigError);
}

TEST(Wiring, ImportedIndicesAreChecked) {
  EXPECT_NO_THROW(check_wiring({{0, 2}, {0, 1}}, 3));
  EXPECT_THROW(check_wiring({{0, 3}, {0, 1}}, 3), DataError);
  EXPECT_THROW(check_wiring({{0, 2}, {0, -1}}, 3), DataError);
  EXPECT_THROW(check_wiring({{0, 2}, {0}}, 3), DataError);
}

TEST(WiringPlan, FollowsEveryCycle) {
  // cycles 0→1→0, 2→3→4→2 and 5→5, gates out of order
  const Wiring wiring{{3, 0, 5, 4, 1, 2}, {4, 1, 5, 2, 0, 3}};
  const Walk walk = make_walk(wiring, 6);
  ASSERT_EQ(walk.segments.size(), 3u);
  std::vector<std::int32_t> gates = walk.order.gate;
  std::sort(gates.begin(), gates.end());
  EXPECT_EQ(gates, (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5}));
  for (const Walk::Segment& s : walk.segments) {
    EXPECT_EQ(walk.order.b[static_cast<std::size_t>(s.before)], walk.order.a[static_cast<std::size_t>(s.begin)]);
  }
}

TEST(WiringPlan, OtherWiringsKeepTheirOrder) {
  EXPECT_TRUE(make_walk({{0, 0, 1}, {1, 2, 2}}, 3).segments.empty());  // 0 is operand A twice
  EXPECT_TRUE(make_walk({{0, 1}, {1, 2}}, 3).segments.empty());        // not square
  EXPECT_EQ(make_walk({{0, 0, 1}, {1, 2, 2}}, 3).order.gate, (std::vector<std::int32_t>{0, 1, 2}));
}

TEST(WiringPlan, InverseIndexHoldsBothOperandsOfEveryGate) {
  const InverseIndex index = make_inverse_index({{1, 1, 3}, {1, 0, 0}}, 4);
  EXPECT_EQ(index.begin, (std::vector<std::int64_t>{0, 2, 5, 5, 6}));
  EXPECT_EQ(index.entries[0].gate, 1);
  EXPECT_EQ(index.entries[0].other, ~1);
  EXPECT_EQ(index.entries[2].gate, 0);  // a == b: two entries
  EXPECT_EQ(index.entries[2].other, 1);
  EXPECT_EQ(index.entries[3].gate, 0);
  EXPECT_EQ(index.entries[3].other, ~1);
}

}  // namespace
}  // namespace dltonic::logic
