// Times the GPU's gate networks: one training step as a graph, one wide layer, packed-bit inference; random samples that lie
// on the GPU. One line of JSON a case on standard output: medians of 9 and the spread, device memory.
//
//   bench_gpu_gates [NAME...]     only cases whose name contains one of these; without any, all but those named sweep_…,
//                                 which are run where a NAME begins with "sweep"
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
#include "logic/gpu/kernels.h"

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
  logic::DeviceTuning tuning = {};
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
  logic::DeviceNetwork network(host, options, {}, c.precision, c.inference ? 64 : c.samples, stream, c.tuning);
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

constexpr const char* kLayerName = "layer_512000_chain_bf16_b128";

/// A middle layer alone: its kernels on rows that lie on the GPU.
nlohmann::json run_layer() {
  constexpr int kGates = 512000, kSamples = 128;
  constexpr auto kKind = logic::gpu::Activations::bfloat16;
  const device::Stream stream;
  const auto wiring = [](std::uint32_t layer) {
    return logic::make_wiring(logic::WiringKind::chain, kGates, kGates, 0, layer, /*last=*/false);
  };
  // The second layer's inputs stand along its walk; the third's lie anywhere, as in every layer after it.
  const logic::Wiring first = wiring(0), second = wiring(1), third = wiring(2);
  const auto plan = logic::gpu::make_device_plan({&first, &second, &third, &third}, kGates, 10)[2];
  const auto segments = device::uploaded(plan.segments, stream);
  const logic::gpu::LayerOnDevice layer{.inputs = kGates,
                                        .gates = kGates,
                                        .segment_count = static_cast<std::int32_t>(segments.size()),
                                        .segments = segments.data()};
  const logic::gpu::Tile tile = logic::gpu::make_tile(kSamples);
  const std::size_t row_bytes = logic::gpu::activation_bytes(kKind, tile.padded());
  std::vector<device::Buffer<std::byte>> rows;  // x, y, dy, dx
  for (int i = 0; i < 4; ++i) {
    rows.emplace_back(kGates * row_bytes);
    device::fill_zero(rows.back().data(), rows.back().bytes(), stream);
  }
  const device::Buffer<float> c(4 * std::size_t{kGates}), S(4 * std::size_t{kGates} * static_cast<std::size_t>(tile.groups));
  const device::Buffer<device::StepSums> report(1);
  device::fill_zero(c.data(), c.bytes(), stream);
  device::fill_zero(report.data(), report.bytes(), stream);
  const Timing forward = timed(
      stream, 40, [&] { logic::gpu::forward_walk(kKind, rows[0].data(), layer, c.data(), tile, rows[1].data(), stream); });
  const Timing backward = timed(stream, 40, [&] {
    logic::gpu::backward_walk(kKind, rows[0].data(), {rows[2].data(), nullptr}, layer, c.data(), 1, tile,
                              {S.data(), 4 * std::size_t{kGates}, false, &report.data()->nonfinite}, rows[3].data(), stream);
  });
  return {{"name", kLayerName},
          {"ms", forward.median_ms + backward.median_ms},
          {"spread", std::max(forward.spread, backward.spread)},
          {"forward_ms", forward.median_ms},
          {"backward_ms", backward.median_ms},
          {"samples", kSamples},
          {"gates", kGates}};
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
      for (const int tile : {256, 512, 1024, 2048}) {
        if (tile > samples) continue;
        const auto sweep = [&](const std::string& wiring, const std::string& estimator, int lanes) {
          cases.push_back({cat("sweep_tile", tile, "_lanes", lanes, "_", wiring, "_", estimator, b),
                           64000,
                           4,
                           samples,
                           wiring,
                           estimator,
                           bfloat16,
                           false,
                           {.tile_samples = tile, .lanes = lanes}});
        };
        for (const int lanes : {8, 16, 32}) {
          sweep("chain", "soft", lanes);
          sweep("random", "soft", lanes);
        }
        sweep("chain", "hard", 32);
      }
    }
    for (const auto& [gates, layers] : {std::pair{64000, 6}, std::pair{512000, 4}}) {
      const std::string name = cat("inference_", layers, "x", gates);
      cases.push_back({name, gates, layers, 131072, "chain", "soft", bfloat16, true});
      for (const int streams : {1, 2, 3, 4}) {
        for (const int tile : {512, 1024, 2048, 4096}) {
          cases.push_back({cat("sweep_streams", streams, "_tile", tile, "_", name),
                           gates,
                           layers,
                           131072,
                           "chain",
                           "soft",
                           bfloat16,
                           true,
                           {.hard_tile_samples = tile, .hard_streams = streams}});
        }
      }
    }
    std::cerr << device::info(0).name << ", " << device::versions() << "\n";
    const auto wanted = [&](const std::string& name) {
      const bool sweep = name.starts_with("sweep");
      if (argc == 1) return !sweep;
      return std::any_of(argv + 1, argv + argc, [&](const char* word) {
        return name.find(word) != std::string::npos && (!sweep || std::string_view(word).starts_with("sweep"));
      });
    };
    for (const Case& c : cases) {
      if (wanted(c.name)) std::cout << run(c).dump() << std::endl;
    }
    if (wanted(kLayerName)) std::cout << run_layer().dump() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "bench_gpu_gates: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
