// Gate layers on the CPU: 784 inputs → 5 × 16,000 gates → 10 classes, batch 100. Counter "ns_gate_sample" is the time of
// one gate and sample. Calls what training calls: Network::forward_backward, update and hard_logits.
// Run: OMP_WAIT_POLICY=passive OMP_NUM_THREADS=2 bench_logic
#include <benchmark/benchmark.h>

#include "dltonic/core/random.h"
#include "dltonic/logic/network.h"

namespace dltonic::logic {
namespace {

constexpr int kFeatures = 784, kGates = 16000, kLayers = 5, kClasses = 10;

struct Case {
  Case(const char* wiring, int features, int batch) {
    NetworkOptions options;
    options.gates = kGates;
    options.layers = kLayers;
    options.wiring = wiring;
    network = std::make_unique<Network<float>>(options, features, kClasses, 1);
    x.reset(static_cast<std::size_t>(features), static_cast<std::size_t>(batch));
    Random random(1, Use::test);
    for (std::size_t f = 0; f < x.rows(); ++f) {
      for (std::size_t s = 0; s < x.bits(); ++s) {
        if (random.below(4) == 0) x.set(f, s);
      }
    }
    for (int s = 0; s < batch; ++s) labels.push_back(static_cast<std::uint16_t>(random.below(kClasses)));
    sums.resize(static_cast<std::size_t>(4 * network->total_gates()));
  }
  BatchResult forward_backward() {
    std::fill(sums.begin(), sums.end(), 0.0F);
    return network->forward_backward(x, labels, 1.0F / static_cast<float>(labels.size()), sums);
  }
  std::unique_ptr<Network<float>> network;
  BitMatrix x;
  std::vector<std::uint16_t> labels;
  std::vector<float> sums;
};

void count(benchmark::State& state, std::size_t batch) {
  state.counters["ns_gate_sample"] =
      benchmark::Counter(static_cast<double>(kGates) * kLayers * static_cast<double>(batch) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void forward_backward(benchmark::State& state, const char* wiring, int features) {
  Case c(wiring, features, static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(c.forward_backward());
  count(state, c.labels.size());
}

void whole_step(benchmark::State& state, const char* wiring, int features) {
  Case c(wiring, features, static_cast<int>(state.range(0)));
  const OptimizerOptions adam;
  for (auto _ : state) {
    benchmark::DoNotOptimize(c.forward_backward());
    c.network->update(c.sums, adam, 0.01);
  }
  count(state, c.labels.size());
}

void update(benchmark::State& state) {
  Case c("chain", kFeatures, 100);
  c.forward_backward();
  const OptimizerOptions adam;
  for (auto _ : state) c.network->update(c.sums, adam, 0.01);
  count(state, 100);  // as a share of a step of 100 samples
}

void hard_logits(benchmark::State& state) {
  Case c("chain", kFeatures, static_cast<int>(state.range(0)));
  std::vector<float> out(c.labels.size() * kClasses);
  for (auto _ : state) c.network->hard_logits(c.x, out);
  count(state, c.labels.size());
}

#define DLTONIC_TIMED ->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond)
BENCHMARK_CAPTURE(forward_backward, chain, "chain", kFeatures)->Arg(100) DLTONIC_TIMED;
BENCHMARK_CAPTURE(whole_step, chain, "chain", kFeatures)->Arg(100) DLTONIC_TIMED;
BENCHMARK_CAPTURE(forward_backward, random, "random", kFeatures)->Arg(100) DLTONIC_TIMED;
BENCHMARK_CAPTURE(forward_backward, chain_wide_input, "chain", 23120)->Arg(100) DLTONIC_TIMED;
BENCHMARK_CAPTURE(whole_step, chain_batch, "chain", kFeatures)->Arg(50)->Arg(256)->Arg(1000) DLTONIC_TIMED;
BENCHMARK(update) DLTONIC_TIMED;
BENCHMARK(hard_logits)->Arg(1024) DLTONIC_TIMED;

}  // namespace
}  // namespace dltonic::logic
