// Times the GPU's gate networks: one training step as a graph, one wide layer, packed-bit inference; random samples that lie
// on the GPU. One line of JSON a case on standard output: medians of 9 and the spread, device memory.
//
//   bench_gpu_gates [NAME...]     only cases whose name contains one of these
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"
#include "dltonic/logic/device_network.h"

using namespace dltonic;

namespace {

struct Timing {
  double median_ms, spread;  ///< spread: (largest - smallest) / median
};

/// Each of 9 times: `repeats` launches of a graph of `work`.
Timing timed(device::StreamHandle stream, int repeats, const std::function<void()>& work) {
  work();  // what allocates on first use does it now
  device::synchronize(stream);
  const device::Graph graph(stream, work);
  for (int i = 0; i < 5; ++i) graph.launch(stream);
  device::Event begin(true), end(true);
  std::vector<double> times;
  for (int i = 0; i < 9; ++i) {
    begin.record(stream);
    for (int k = 0; k < repeats; ++k) graph.launch(stream);
    end.record(stream);
    end.synchronize();
    times.push_back(end.milliseconds_since(begin) / repeats);
  }
  std::sort(times.begin(), times.end());
  return {times[4], (times[8] - times[0]) / times[4]};
}

struct Data {
  Data(int features, int samples, int classes, device::StreamHandle stream) {
    const std::size_t padded = (static_cast<std::size_t>(samples) + 255) / 256 * 256;
    row_words = padded / 64;
    std::vector<std::uint64_t> words(static_cast<std::size_t>(features) * row_words);
    Random random(1, Use::test);
    for (std::uint64_t& w : words) w = random.next_u64() & random.next_u64();
    bits = device::uploaded(words, stream);
    std::vector<std::uint16_t> label;
    for (int i = 0; i < samples; ++i)
      label.push_back(static_cast<std::uint16_t>(random.below(static_cast<std::uint32_t>(classes))));
    labels = device::uploaded(label, stream);
    batch = {bits.data(), row_words, labels.data(), samples};
  }
  std::size_t row_words;
  device::Buffer<std::uint64_t> bits;
  device::Buffer<std::uint16_t> labels;
  logic::DeviceNetwork::Batch batch;
};

struct Case {
  std::string name;
  int gates, layers, samples;
  std::string wiring, estimator;
  logic::Precision precision;
  bool inference = false;
  int tile = 0;
};

nlohmann::json run(const Case& c) {
  constexpr int kFeatures = 2312, kClasses = 10;
  const device::Stream stream;
  logic::NetworkOptions options;
  options.gates = c.gates;
  options.layers = c.layers;
  options.wiring = c.wiring;
  options.estimator = c.estimator;
  logic::Network<float> host(options, kFeatures, kClasses, 0);
  const Data data(kFeatures, c.samples, kClasses, stream);
  device::reset_peak();
  const std::size_t before = device::memory_use().now;
  logic::DeviceNetwork network(host, options, {}, c.precision, c.inference ? 64 : c.samples, stream, c.tile);
  device::Steps steps;
  steps.set({.seed = 0, .step = 0, .epoch = 0, .batch = 0, .learning_rate = 0.01f}, stream);
  network.begin(steps.clock(), stream);
  const device::Buffer<float> scores(c.inference ? static_cast<std::size_t>(c.samples) * kClasses : 1);
  const Timing t = timed(stream,
                         c.inference         ? 5
                         : c.samples >= 2048 ? 40
                                             : 200,
                         [&] {
                           if (c.inference) return network.hard_logits(data.batch, scores.data(), stream);
                           steps.begin(stream);
                           network.forward_backward(data.batch, 1.0 / c.samples, false, steps.sums(), stream);
                           network.update(steps.clock(), steps.sums(), false, stream);
                           steps.end(stream);
                         });
  nlohmann::json out{{"name", c.name},
                     {"ms", t.median_ms},
                     {"spread", t.spread},
                     {"samples", c.samples},
                     {"gates", c.gates},
                     {"layers", c.layers},
                     {"wiring", c.wiring},
                     {"estimator", c.estimator},
                     {"runs", network.describe()},
                     {"M_samples_per_s", c.samples / t.median_ms / 1000},
                     {"peak_bytes", device::memory_use().peak - before}};
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (device::count() == 0) throw DeviceError("no GPU: " + device::why_none());
    using enum logic::Precision;
    std::vector<Case> cases;
    for (const int samples : {64, 512, 2048}) {
      const std::string b = cat("_b", samples);
      cases.push_back({"chain_bf16" + b, 64000, 4, samples, "chain", "soft", bfloat16});
      cases.push_back({"chain_fp32" + b, 64000, 4, samples, "chain", "soft", float32});
      cases.push_back({"random_bf16" + b, 64000, 4, samples, "random", "soft", bfloat16});
      cases.push_back({"chain_hard" + b, 64000, 4, samples, "chain", "hard", bfloat16});
      cases.push_back({"chain_gumbel" + b, 64000, 4, samples, "chain", "gumbel", bfloat16});
      if (samples == 64) continue;
      for (const int tile : {256, 1024, 2048}) {
        if (tile > samples) continue;
        cases.push_back({cat("tile", tile, "_chain_bf16", b), 64000, 4, samples, "chain", "soft", bfloat16, false, tile});
        cases.push_back({cat("tile", tile, "_chain_hard", b), 64000, 4, samples, "chain", "hard", bfloat16, false, tile});
      }
    }
    cases.push_back({"inference_6x64000", 64000, 6, 131072, "chain", "soft", bfloat16, true});
    cases.push_back({"inference_4x512000", 512000, 4, 131072, "chain", "soft", bfloat16, true});
    std::cerr << device::info(0).name << ", " << device::versions() << "\n";
    for (const Case& c : cases) {
      bool wanted = argc == 1;
      for (int i = 1; i < argc; ++i) wanted |= c.name.find(argv[i]) != std::string::npos;
      if (wanted) std::cout << run(c).dump() << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << "bench_gpu_gates: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
