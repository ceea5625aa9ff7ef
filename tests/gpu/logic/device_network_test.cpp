// The GPU's network against the CPU's: same wiring, same logits, same samples.
#include "dltonic/logic/device_network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/device/buffer.h"
#include "logic/gpu/device_plan.h"

namespace dltonic::logic {
namespace {

using device::Buffer;

struct Samples {
  Samples(int features, int count_, int classes)
      : count(count_), bits(static_cast<std::size_t>(features), static_cast<std::size_t>(count_)) {
    Random random(5, Use::test, static_cast<std::uint32_t>(count_));
    for (std::size_t s = 0; s < bits.bits(); ++s) {
      for (std::size_t f = 0; f < bits.rows(); ++f) {
        if (random.below(3) == 0) bits.set(f, s);
      }
      labels.push_back(static_cast<std::uint16_t>(random.below(static_cast<std::uint32_t>(classes))));
    }
  }
  int count;
  BitMatrix bits;
  /// Gives every sample a second label.
  void mix(int classes) {
    for (std::size_t s = 0; s < labels.size(); ++s) {
      second.push_back(static_cast<std::uint16_t>((labels[s] + s) % static_cast<std::size_t>(classes)));
      share.push_back(0.5F + 0.5F * static_cast<float>(s % 7) / 7);
    }
  }
  std::vector<std::uint16_t> labels, second;
  std::vector<float> share;
};

/// Samples in device memory, rows padded to 256.
struct OnDevice {
  OnDevice(const Samples& s, device::StreamHandle stream, std::size_t first = 0, std::size_t count = 0)
      : samples(count > 0 ? static_cast<int>(count) : s.count) {
    BitMatrix padded(s.bits.rows(), (static_cast<std::size_t>(samples) + 255) / 256 * 256);
    for (std::size_t f = 0; f < padded.rows(); ++f) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i) {
        if (s.bits.get(f, first + i)) padded.set(f, i);
      }
    }
    row_words = padded.row_words();
    bits = device::uploaded(std::span<const std::uint64_t>(padded.words()), stream);
    labels = device::uploaded(std::span(s.labels).subspan(first, static_cast<std::size_t>(samples)), stream);
    if (s.second.empty()) return;
    second = device::uploaded(std::span(s.second).subspan(first, static_cast<std::size_t>(samples)), stream);
    share = device::uploaded(std::span(s.share).subspan(first, static_cast<std::size_t>(samples)), stream);
  }
  DeviceNetwork::Batch batch() const { return {bits.data(), row_words, labels.data(), samples, second.data(), share.data()}; }
  int samples;
  std::size_t row_words;
  Buffer<std::uint64_t> bits;
  Buffer<std::uint16_t> labels, second;
  Buffer<float> share;
};

/// Canonical [gates][4] of what the GPU holds in its own order.
std::vector<float> canonical(const Network<float>& network, const std::vector<float>& ordered) {
  std::vector<const Wiring*> wiring;
  for (int l = 0; l < network.layers(); ++l) wiring.push_back(&network.wiring(l));
  const auto plan = gpu::make_device_plan(wiring, network.features(), network.classes());
  std::vector<float> out(ordered.size());
  std::size_t offset = 0;
  for (const auto& layer : plan) {
    for (std::size_t p = 0; p < layer.canonical.size(); ++p)
      std::copy_n(ordered.data() + 4 * (offset + p), 4,
                  out.data() + 4 * (offset + static_cast<std::size_t>(layer.canonical[p])));
    offset += layer.canonical.size();
  }
  return out;
}

double relative(const std::vector<float>& got, const std::vector<float>& want) {
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += (static_cast<double>(got[i]) - want[i]) * (static_cast<double>(got[i]) - want[i]);
    norm += static_cast<double>(want[i]) * want[i];
  }
  return std::sqrt(error / std::max(norm, 1e-300));
}

std::vector<float> all_logits(const Network<float>& network) {
  std::vector<float> z;
  for (int l = 0; l < network.layers(); ++l) z.insert(z.end(), network.layer_logits(l).begin(), network.layer_logits(l).end());
  return z;
}

/// Both sides of one network.
struct Pair {
  Pair(const NetworkOptions& o, int features, int classes, Precision precision, int most, const OptimizerOptions& how = {},
       const DeviceTuning& tuning = {}, const LossOptions& loss = {})
      : options(o),
        optimizer(how),
        cpu(o, features, classes, 11),
        host(o, features, classes, 11),
        gpu((host.set_loss(loss), host), o, how, precision, most, stream, tuning) {
    cpu.set_loss(loss);
    begin();
  }
  Pair(const NetworkOptions& o, int features, int classes, std::vector<Wiring> wiring, std::vector<std::vector<float>> logits,
       Precision precision, int most)
      : options(o),
        cpu(o, features, classes, wiring, logits),
        host(o, features, classes, wiring, logits),
        gpu(host, o, optimizer, precision, most, stream) {
    begin();
  }
  void begin() {
    steps.set({.seed = 11, .step = 0, .epoch = 0, .batch = 0, .learning_rate = 0.01f}, stream);
    gpu.begin(steps.clock(), stream);
  }
  /// Sums and loss of the GPU for a batch, in canonical order.
  std::vector<float> sums(const Samples& samples, device::StepSums* report = nullptr) {
    const OnDevice data(samples, stream);
    gpu.forward_backward(data.batch(), 1.0 / samples.count, false, steps.sums(), stream);
    gpu.collect(0, host.layers(), stream);
    const auto ordered = device::downloaded(gpu.collected().data(), gpu.collected().size(), stream);
    if (report != nullptr) *report = device::downloaded(steps.sums(), 1, stream)[0];
    return canonical(host, ordered);
  }
  std::vector<float> cpu_sums(const Samples& samples, BatchResult* result = nullptr) {
    std::vector<float> S(static_cast<std::size_t>(4 * cpu.total_gates()));
    const BatchResult r = cpu.forward_backward(samples.bits, samples.labels, 1.0f / static_cast<float>(samples.count), S,
                                               {samples.second, samples.share});
    if (result != nullptr) *result = r;
    return S;
  }
  double gpu_step(const Samples& samples, bool collected = false) {
    const OnDevice data(samples, stream);
    gpu.forward_backward(data.batch(), 1.0 / samples.count, false, steps.sums(), stream);
    if (collected) {
      gpu.collect(0, host.layers(), stream);
    }
    gpu.update(steps.clock(), steps.sums(), collected, stream);
    const double loss = device::downloaded(steps.sums(), 1, stream)[0].loss / samples.count;
    steps.end(stream);
    device::synchronize(stream);
    return loss;
  }
  double cpu_step(const Samples& samples) {
    BatchResult r;
    const auto S = cpu_sums(samples, &r);
    cpu.update(S, optimizer, 0.01);
    return r.loss_sum / samples.count;
  }
  NetworkOptions options;
  OptimizerOptions optimizer;
  device::Stream stream;
  device::Steps steps;
  Network<float> cpu, host;
  DeviceNetwork gpu;
};

NetworkOptions net(int gates, int layers, const std::string& wiring = "chain", const std::string& estimator = "soft",
                   const std::string& parametrization = "raw") {
  NetworkOptions o;
  o.gates = gates;
  o.layers = layers;
  o.wiring = wiring;
  o.estimator = estimator;
  o.parametrization = parametrization;
  return o;
}

// ---- one pass -----------------------------------------------------------------------------------------

TEST(DevicePass, SumsAndLossOfEveryShape) {
  for (const std::string wiring : {"chain", "random", "unique"}) {
    for (const int layers : {1, 2, 3, 4}) {
      for (const int count : {1, 7, 31, 32, 33, 64, 100, 200, 256, 300, 512, 600}) {
        Pair pair(net(170, layers, wiring), 57, 10, Precision::float32, count);
        const Samples samples(57, count, 10);
        BatchResult want;
        device::StepSums got;
        const auto cpu = pair.cpu_sums(samples, &want);
        const auto gpu = pair.sums(samples, &got);
        const std::string at = wiring + " layers " + std::to_string(layers) + " samples " + std::to_string(count);
        EXPECT_LT(relative(gpu, cpu), 2e-6) << at;
        EXPECT_NEAR(got.loss, want.loss_sum, 2e-6 * want.loss_sum) << at;
        EXPECT_EQ(got.correct, static_cast<double>(want.correct)) << at;
        EXPECT_EQ(got.nonfinite, 0) << at;
      }
    }
  }
}

TEST(DevicePass, LossWithWeightsSmoothingAndSecondLabels) {
  const std::vector<float> weights{0.5F, 2, 1, 0, 1, 3, 1, 0.25F, 1, 1};
  for (const LossOptions& loss : {LossOptions{0.1, {}}, LossOptions{0, weights}, LossOptions{0.2, weights}, LossOptions{}}) {
    for (const bool mixed : {false, true}) {
      for (const int count : {1, 100, 300}) {
        Pair pair(net(170, 3, "chain"), 57, 10, Precision::float32, count, {}, {}, loss);
        Samples samples(57, count, 10);
        if (mixed) samples.mix(10);
        BatchResult want;
        device::StepSums got;
        const auto cpu = pair.cpu_sums(samples, &want);
        const auto gpu = pair.sums(samples, &got);
        EXPECT_LT(relative(gpu, cpu), 2e-6) << mixed << count;
        EXPECT_NEAR(got.loss, want.loss_sum, 2e-6 * want.loss_sum) << mixed << count;
        EXPECT_EQ(got.correct, static_cast<double>(want.correct)) << mixed << count;
      }
    }
  }
}

TEST(DevicePass, Bfloat16IsNear) {
  for (const std::string wiring : {"chain", "random"}) {
    Pair pair(net(640, 4, wiring), 200, 10, Precision::bfloat16, 300);
    const Samples samples(200, 300, 10);
    BatchResult want;
    device::StepSums got;
    const auto cpu = pair.cpu_sums(samples, &want);
    EXPECT_LT(relative(pair.sums(samples, &got), cpu), 2e-2) << wiring;
    EXPECT_NEAR(got.loss, want.loss_sum, 2e-3 * want.loss_sum);
  }
}

TEST(DevicePass, HardEstimatorsAreExactInTheForwardPass) {
  for (const std::string estimator : {"hard", "gumbel"}) {
    for (const std::string wiring : {"chain", "random"}) {
      for (const int layers : {1, 2, 3, 4}) {
        for (const int count : {5, 64, 100, 300}) {
          Pair pair(net(170, layers, wiring, estimator), 57, 10, Precision::float32, count);
          const Samples samples(57, count, 10);
          BatchResult want;
          device::StepSums got;
          const auto cpu = pair.cpu_sums(samples, &want);
          const auto gpu = pair.sums(samples, &got);
          const std::string at =
              estimator + " " + wiring + " layers " + std::to_string(layers) + " samples " + std::to_string(count);
          EXPECT_NEAR(got.loss, want.loss_sum, 1e-6 * want.loss_sum) << at;
          EXPECT_EQ(got.correct, static_cast<double>(want.correct)) << at;
          EXPECT_LT(relative(gpu, cpu), 2e-6) << at;
        }
      }
    }
  }
}

TEST(DevicePass, LightAndGradFactorAndTemperature) {
  auto o = net(170, 4, "chain", "soft", "light");
  o.grad_factor = 2;
  o.temperature = 1.7;
  for (const std::string wiring : {"chain", "random"}) {
    o.wiring = wiring;
    Pair pair(o, 57, 10, Precision::float32, 100);
    const Samples samples(57, 100, 10);
    EXPECT_LT(relative(pair.sums(samples), pair.cpu_sums(samples)), 2e-6);
  }
}

TEST(DevicePass, ImportedWiringWithEqualOperandsUnusedInputsAndManyCycles) {
  constexpr int kGates = 30;
  Wiring first, cycles, last;
  Random random(3, Use::test);
  for (int i = 0; i < kGates; ++i) {
    first.a.push_back(static_cast<int>(random.below(20)));
    first.b.push_back(i % 7 == 0 ? first.a.back() : static_cast<int>(random.below(20)));
    // cycles of 1 (a == b), 2, 3, 11 and 13 gates
    const int starts[] = {0, 1, 3, 6, 17, 30};
    int c = 0;
    while (starts[c + 1] <= i) ++c;
    cycles.a.push_back(i);
    cycles.b.push_back(i + 1 < starts[c + 1] ? i + 1 : starts[c]);
    last.a.push_back(static_cast<int>(random.below(9)));  // most inputs have no consumer
    last.b.push_back(i % 5 == 0 ? last.a.back() : static_cast<int>(random.below(9)));
  }
  std::vector<std::vector<float>> logits(3);
  for (auto& z : logits) {
    for (int i = 0; i < 16 * kGates; ++i) z.push_back(static_cast<float>(random.normal()));
  }
  const Samples samples(20, 70, 10);
  for (const auto& order :
       {std::vector{first, cycles, last}, std::vector{first, last, cycles}, std::vector{first, cycles, cycles}}) {
    for (const std::string estimator : {"soft", "hard"}) {
      Pair pair(net(kGates, 3, "chain", estimator), 20, 10, order, logits, Precision::float32, 70);
      EXPECT_LT(relative(pair.sums(samples), pair.cpu_sums(samples)), 2e-6);
    }
  }
}

TEST(DevicePass, MicroBatchesAndTilesAddUp) {
  const Samples samples(57, 700, 10);
  const auto o = net(170, 4);
  Pair whole(o, 57, 10, Precision::float32, 700), tiles(o, 57, 10, Precision::float32, 700, {}, {.tile_samples = 256});
  const auto want = whole.cpu_sums(samples);
  EXPECT_LT(relative(whole.sums(samples), want), 2e-6);
  EXPECT_LT(relative(tiles.sums(samples), want), 2e-6);

  Pair micro(o, 57, 10, Precision::float32, 300);
  std::vector<OnDevice> parts;
  for (const std::size_t first : {0, 300, 600}) {
    parts.emplace_back(samples, micro.stream, first, std::min<std::size_t>(300, 700 - first));
    micro.gpu.forward_backward(parts.back().batch(), 1.0 / 700, first > 0, micro.steps.sums(), micro.stream);
  }
  for (int l = 3; l >= 0; --l) micro.gpu.collect(l, l + 1, micro.stream);
  const auto got =
      canonical(micro.host, device::downloaded(micro.gpu.collected().data(), micro.gpu.collected().size(), micro.stream));
  EXPECT_LT(relative(got, want), 2e-6);
}

TEST(DevicePass, NarrowColumnsAddUpToTheSame) {
  const Samples samples(57, 512, 10);
  for (const std::string wiring : {"chain", "random"}) {
    for (const int lanes : {4, 8, 16, 32}) {
      Pair pair(net(170, 4, wiring), 57, 10, Precision::float32, 512, {}, {.lanes = lanes});
      EXPECT_LT(relative(pair.sums(samples), pair.cpu_sums(samples)), 2e-6) << wiring << " " << lanes;
    }
  }
}

TEST(DevicePass, ALastMicroBatchThatIsOneTileAddsToThoseOfTheFirst) {
  const Samples samples(57, 1500, 10);
  Pair pair(net(170, 4), 57, 10, Precision::float32, 800, {}, {.tile_samples = 768});  // 800 is cut into 512 and 288
  const auto want = pair.cpu_sums(samples);
  std::vector<OnDevice> parts;
  for (const std::size_t first : {0, 800}) {
    parts.emplace_back(samples, pair.stream, first, std::min<std::size_t>(800, 1500 - first));
    pair.gpu.forward_backward(parts.back().batch(), 1.0 / 1500, first > 0, pair.steps.sums(), pair.stream);
  }
  pair.gpu.collect(0, 1, pair.stream);
  pair.gpu.collect(1, 4, pair.stream);
  const auto got =
      canonical(pair.host, device::downloaded(pair.gpu.collected().data(), pair.gpu.collected().size(), pair.stream));
  EXPECT_LT(relative(got, want), 2e-6);
}

TEST(DevicePass, LayersAreCompletedFromTheLastToTheFirst) {
  Pair pair(net(170, 4), 57, 10, Precision::float32, 600, {}, {.tile_samples = 256});
  const Samples samples(57, 600, 10);
  const OnDevice data(samples, pair.stream);
  std::vector<int> order;
  pair.gpu.forward_backward(data.batch(), 1.0 / 600, false, pair.steps.sums(), pair.stream,
                            {.forward_done = [&] { order.push_back(-1); },
                             .layers_done =
                                 [&](int first, int end) {
                                   order.insert(order.end(), {first, end});
                                 }});
  EXPECT_EQ(order, (std::vector{-1, 3, 4, 2, 3, 0, 2})) << "each once, though there are three tiles";
}

// ---- readings -----------------------------------------------------------------------------------------

TEST(DeviceReadings, SoftIsNearAndHardEqualsTheCircuitOfTheCpu) {
  for (const std::string wiring : {"chain", "random"}) {
    for (const int layers : {1, 2, 5}) {
      for (const int count : {1, 33, 256, 700, 5000}) {
        Pair pair(net(170, layers, wiring), 57, 10, Precision::float32, 64);
        const Samples samples(57, count, 10);
        const OnDevice data(samples, pair.stream);
        const std::size_t n = static_cast<std::size_t>(count) * 10;
        const Buffer<float> out(n);
        std::vector<float> want(n);
        pair.cpu.logits(samples.bits, want);
        pair.gpu.logits(data.batch(), out.data(), pair.stream);
        EXPECT_LT(relative(device::downloaded(out.data(), n, pair.stream), want), 1e-6) << wiring << layers << " " << count;
        pair.cpu.hard_logits(samples.bits, want);
        pair.gpu.hard_logits(data.batch(), out.data(), pair.stream);
        EXPECT_LT(relative(device::downloaded(out.data(), n, pair.stream), want), 1e-7) << wiring << layers << " " << count;
      }
    }
  }
}

// ---- steps --------------------------------------------------------------------------------------------

TEST(DeviceSteps, HundredStepsFollowTheCpu) {
  for (const std::string kind : {"adam", "adamw", "sgd"}) {
    for (const std::string parametrization : {"raw", "light"}) {
      OptimizerOptions optimizer;
      optimizer.kind = kind;
      optimizer.weight_decay = 1e-3;
      optimizer.momentum = 0.9;
      Pair pair(net(400, 4, "chain", "soft", parametrization), 57, 10, Precision::float32, 100, optimizer);
      const Samples samples(57, 100, 10);
      for (int i = 0; i < 100; ++i) {
        const double want = pair.cpu_step(samples), got = pair.gpu_step(samples, i % 2 == 0);
        ASSERT_NEAR(got, want, 1e-4 * want) << kind << " " << parametrization << " step " << i;
      }
      pair.gpu.download(100, pair.stream);
      EXPECT_LT(relative(all_logits(pair.host), all_logits(pair.cpu)), 1e-4) << kind << " " << parametrization;
    }
  }
}

TEST(DeviceSteps, HardAndGumbelDrawTheCpusGates) {
  for (const std::string estimator : {"hard", "gumbel"}) {
    Pair pair(net(400, 4, "chain", estimator), 57, 10, Precision::float32, 100);
    const Samples samples(57, 100, 10);
    for (int i = 0; i < 10; ++i) {
      const double want = pair.cpu_step(samples), got = pair.gpu_step(samples);
      ASSERT_NEAR(got, want, 1e-4 * want) << estimator << " step " << i;
    }
  }
}

TEST(DeviceSteps, RepeatBitForBitInAGraphToo) {
  const auto run = [](bool graph) {
    Pair pair(net(400, 4), 57, 10, Precision::bfloat16, 512);
    const Samples samples(57, 512, 10);
    const OnDevice data(samples, pair.stream);
    const auto step = [&] {
      pair.gpu.forward_backward(data.batch(), 1.0 / 512, false, pair.steps.sums(), pair.stream);
      pair.gpu.update(pair.steps.clock(), pair.steps.sums(), false, pair.stream);
      pair.steps.end(pair.stream);
    };
    if (graph) {
      const device::Graph captured(pair.stream, step);
      for (int i = 0; i < 20; ++i) captured.launch(pair.stream);
    } else {
      for (int i = 0; i < 20; ++i) step();
    }
    pair.stream.synchronize();
    pair.gpu.download(20, pair.stream);
    return all_logits(pair.host);
  };
  const auto once = run(false);
  EXPECT_EQ(std::memcmp(once.data(), run(false).data(), once.size() * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(once.data(), run(true).data(), once.size() * sizeof(float)), 0);
}

TEST(DeviceSteps, ANonFiniteSumStopsTheUpdate) {
  Pair pair(net(170, 3), 57, 10, Precision::float32, 64);
  // A logit that is not a number makes its gate's output, the loss and every sum so.
  static_cast<float*>(pair.host.state()[0].data)[5] = std::numeric_limits<float>::quiet_NaN();
  pair.gpu.upload(pair.stream);
  pair.begin();
  const auto before = all_logits(pair.host);
  const Samples samples(57, 64, 10);
  EXPECT_TRUE(std::isnan(pair.gpu_step(samples)));
  const auto report = pair.steps.report(0);
  ASSERT_TRUE(report);
  EXPECT_GT(report->nonfinite, 0);
  pair.gpu.download(1, pair.stream);
  const auto after = all_logits(pair.host);
  EXPECT_EQ(std::memcmp(before.data(), after.data(), before.size() * sizeof(float)), 0);
}

TEST(DeviceSteps, UploadAndDownloadKeepStateAndOrder) {
  Pair pair(net(170, 4, "chain"), 57, 10, Precision::float32, 64);
  const Samples samples(57, 64, 10);
  for (int i = 0; i < 3; ++i) pair.gpu_step(samples);
  pair.gpu.download(3, pair.stream);
  const auto state = all_logits(pair.host);
  pair.gpu.upload(pair.stream);
  pair.gpu.download(3, pair.stream);
  EXPECT_EQ(all_logits(pair.host), state);
}

}  // namespace
}  // namespace dltonic::logic
