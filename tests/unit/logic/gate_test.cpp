#include "dltonic/logic/gate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/logic/gate_update.h"
#include "logic/gumbel.h"

namespace dltonic::logic {
namespace {

// The table of the paper, written out: the oracle for gate_row and gate_output.
struct Known {
  const char* name;
  bool (*output)(bool, bool);
  std::array<int, 4> row;
};
constexpr Known kKnown[kGateKinds] = {
    {"FALSE", [](bool, bool) { return false; }, {0, 0, 0, 0}},
    {"AND", [](bool a, bool b) { return a && b; }, {0, 0, 0, 1}},
    {"A AND NOT B", [](bool a, bool b) { return a && !b; }, {0, 1, 0, -1}},
    {"A", [](bool a, bool) { return a; }, {0, 1, 0, 0}},
    {"NOT A AND B", [](bool a, bool b) { return !a && b; }, {0, 0, 1, -1}},
    {"B", [](bool, bool b) { return b; }, {0, 0, 1, 0}},
    {"XOR", [](bool a, bool b) { return a != b; }, {0, 1, 1, -2}},
    {"OR", [](bool a, bool b) { return a || b; }, {0, 1, 1, -1}},
    {"NOR", [](bool a, bool b) { return !(a || b); }, {1, -1, -1, 1}},
    {"XNOR", [](bool a, bool b) { return a == b; }, {1, -1, -1, 2}},
    {"NOT B", [](bool, bool b) { return !b; }, {1, 0, -1, 0}},
    {"A OR NOT B", [](bool a, bool b) { return a || !b; }, {1, 0, -1, 1}},
    {"NOT A", [](bool a, bool) { return !a; }, {1, -1, 0, 0}},
    {"NOT A OR B", [](bool a, bool b) { return !a || b; }, {1, -1, 0, 1}},
    {"NAND", [](bool a, bool b) { return !(a && b); }, {1, 0, 0, -1}},
    {"TRUE", [](bool, bool) { return true; }, {1, 0, 0, 0}},
};

TEST(Gate, AllSixteen) {
  for (int id = 0; id < kGateKinds; ++id) {
    EXPECT_EQ(gate_name(id), kKnown[id].name);
    EXPECT_EQ(gate_row(id), kKnown[id].row) << id;
    for (const bool a : {false, true}) {
      for (const bool b : {false, true}) {
        EXPECT_EQ(gate_output(id, a, b), kKnown[id].output(a, b)) << id;
        const auto [c0, ca, cb, cab] = gate_row(id);
        EXPECT_EQ(c0 + ca * a + cb * b + cab * a * b, static_cast<int>(kKnown[id].output(a, b))) << id;
      }
    }
  }
}

TEST(Gate, HardGateIsTheFirstLargestLogit) {
  for (int id = 0; id < kGateKinds; ++id) {
    std::vector<float> z(16, -1.0F);
    z[static_cast<std::size_t>(id)] = 0.5F;
    if (id < 15) z[15] = 0.5F;  // a tie: the first counts
    EXPECT_EQ(hard_gate(z.data(), Parametrization::raw), id);
  }
}

TEST(Gate, HardGateOfLightLogitsIsTheirTruthTable) {
  for (int id = 0; id < kGateKinds; ++id) {
    double z[4];
    for (int i = 0; i < 4; ++i) z[i] = gate_output(id, i / 2, i % 2) ? 0.1 : -0.1;
    EXPECT_EQ(hard_gate(z, Parametrization::light), id);
  }
}

TEST(Gate, ResidualInitialisationIsGateA) {
  double z[16];
  initial_logits(z, Parametrization::raw, Initialization::residual, 1, 2, 3);
  EXPECT_EQ(hard_gate(z, Parametrization::raw), 3);
  EXPECT_NEAR(std::exp(z[3]) / (std::exp(z[3]) + 15), 0.908, 5e-4);
  initial_logits(z, Parametrization::light, Initialization::residual, 1, 2, 3);
  EXPECT_EQ(hard_gate(z, Parametrization::light), 3);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(z[i], i < 2 ? -3 : 3);
}

TEST(Gate, NormalInitialisationIsStandardNormalAndKeyed) {
  double sum = 0, squares = 0;
  std::set<double> values;
  for (std::uint32_t gate = 0; gate < 1000; ++gate) {
    double z[16];
    initial_logits(z, Parametrization::raw, Initialization::normal, 7, 1, gate);
    for (const double value : z) {
      sum += value;
      squares += value * value;
      values.insert(value);
    }
  }
  EXPECT_NEAR(sum / 16000, 0, 0.03);
  EXPECT_NEAR(squares / 16000, 1, 0.04);
  EXPECT_GT(values.size(), 15990u);  // no two gates share a draw
}

TEST(Gumbel, DrawsGatesWithTheProbabilitiesOfTheSoftmax) {
  // A gate's logits, drawn at many steps: argmax(z + noise) follows softmax(z) (Yousefi et al. 2025).
  constexpr int kSteps = 40000;
  std::vector<double> z(16), seen(16);
  double sum = 0;
  for (int i = 0; i < 16; ++i) sum += std::exp(z[static_cast<std::size_t>(i)] = 0.2 * i - 1.5);
  std::array<int, 16> counts{};
  for (int step = 0; step < kSteps; ++step) {
    cpu::add_gumbel(z.data(), 1, /*seed=*/3, step, seen.data());
    ++counts[static_cast<std::size_t>(hard_gate(seen.data(), Parametrization::raw))];
  }
  double chi_square = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    const double expected = kSteps * std::exp(z[i]) / sum;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_square, 37.7);  // 15 degrees of freedom, 0.1 %
}

TEST(Gumbel, IsKeyedBySeedStepAndGate) {
  const std::vector<float> z(32);
  const auto noise = [&](std::uint64_t seed, std::int64_t step) {
    std::vector<float> seen(32);
    cpu::add_gumbel(z.data(), 2, seed, step, seen.data());
    return seen;
  };
  EXPECT_EQ(noise(1, 5), noise(1, 5));
  EXPECT_NE(noise(1, 5), noise(1, 6));
  EXPECT_NE(noise(1, 5), noise(2, 5));
  const auto seen = noise(1, 5);
  EXPECT_NE(std::vector(seen.begin(), seen.begin() + 16), std::vector(seen.begin() + 16, seen.end()));
}

TEST(Gumbel, IsFiniteAtBothEndsOfItsWords) {
  EXPECT_NEAR(gumbel_from(0), -std::log(-std::log(0x1p-24)), 1e-5);
  EXPECT_NEAR(gumbel_from(~0u), -std::log(-std::log(1 - 0x1p-24)), 1e-5);
}

TEST(Gate, UnknownWordsAreRefused) {
  EXPECT_THROW(parametrization_from("heavy"), ConfigError);
  EXPECT_THROW(initialization_from("zero"), ConfigError);
  EXPECT_THROW(estimator_from("softish"), ConfigError);
}

}  // namespace
}  // namespace dltonic::logic
