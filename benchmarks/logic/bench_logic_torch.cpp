// The same network as bench_logic's, written as one would in LibTorch: four coefficients a gate, a gather of both inputs,
// autograd. The thing to beat: the shape, batch and threads are the same, and so is what is counted.
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "dltonic/logic/wiring.h"

namespace dltonic::logic {
namespace {

constexpr int kFeatures = 784, kGates = 16000, kLayers = 5, kClasses = 10, kBatch = 100;

torch::Tensor indices(const std::vector<std::int32_t>& from) {
  return torch::tensor(std::vector<std::int64_t>(from.begin(), from.end()), torch::kInt64);
}

void torch_forward_backward(benchmark::State& state) {
  torch::manual_seed(1);
  std::vector<torch::Tensor> a, b, c;
  for (int l = 0; l < kLayers; ++l) {
    const Wiring wiring =
        make_wiring(WiringKind::random, l == 0 ? kFeatures : kGates, kGates, 1, static_cast<std::uint32_t>(l), false);
    a.push_back(indices(wiring.a));
    b.push_back(indices(wiring.b));
    c.push_back(torch::rand({kGates, 4, 1}).set_requires_grad(true));
  }
  const torch::Tensor x = (torch::rand({kFeatures, kBatch}) < 0.25).to(torch::kFloat32);
  const torch::Tensor labels = torch::randint(kClasses, {kBatch}, torch::kInt64);
  const double tau = 0.5 * std::sqrt(kGates / kClasses);
  for (auto _ : state) {
    torch::Tensor h = x;  // [feature][sample], as the kernels have it
    for (std::size_t l = 0; l < kLayers; ++l) {
      const torch::Tensor ha = h.index_select(0, a[l]), hb = h.index_select(0, b[l]);
      const auto k = [&](int i) { return c[l].select(1, i); };
      h = k(0) + k(1) * ha + k(2) * hb + k(3) * ha * hb;
      c[l].mutable_grad() = torch::Tensor();
    }
    const torch::Tensor logits = h.view({kClasses, kGates / kClasses, kBatch}).sum(1).div(tau).t();
    torch::nn::functional::cross_entropy(logits, labels).backward();
    benchmark::DoNotOptimize(c[0].grad().data_ptr());
  }
  state.counters["ns_gate_sample"] =
      benchmark::Counter(static_cast<double>(kGates) * kLayers * kBatch * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(torch_forward_backward)->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dltonic::logic
