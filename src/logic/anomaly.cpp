#include "dltonic/logic/anomaly.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "dltonic/core/text.h"
#include "dltonic/logic/gate_layer.h"
#include "dltonic/logic/group_sum.h"
#include "logic/aligned.h"

namespace dltonic::logic {
namespace {

constexpr int kLanes = cpu::kTileLanes;  // samples at a time, and elements between rows
constexpr std::array<const char*, 4> kCoefficients{"c0", "ca", "cb", "cab"};

/// Index of the first value that is not finite, or none.
std::optional<std::size_t> first_in(std::span<const float> values) {
  const auto found = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  if (found == values.end()) return std::nullopt;
  return static_cast<std::size_t>(found - values.begin());
}

std::string logit_name(std::size_t at, std::size_t per_gate) {
  const auto i = at % per_gate;
  const std::string name = cat("gate ", at / per_gate, ", logit ", i);
  return per_gate == kGateKinds ? cat(name, " (", gate_name(static_cast<int>(i)), ")") : name;
}
std::string sum_name(std::size_t at) { return cat("gate ", at / 4, ", gradient of ", kCoefficients[at % 4]); }

/// Numbers of the whole network, `per_gate` a gate, layer by layer.
std::optional<Anomaly> first_by_layer(const Network<float>& network, std::span<const float> values, std::size_t per_gate,
                                      const char* where, const std::function<std::string(std::size_t)>& name) {
  std::size_t offset = 0;
  for (int l = 0; l < network.layers(); ++l) {
    const std::size_t count = static_cast<std::size_t>(network.gates(l)) * per_gate;
    if (const auto at = first_in(values.subspan(offset, count)))
      return Anomaly{cat(where, " of layer", l), name(*at), values[offset + *at]};
    offset += count;
  }
  return std::nullopt;
}

std::optional<Anomaly> in_parameters(const Network<float>& network) {
  for (int l = 0; l < network.layers(); ++l) {
    const auto z = network.layer_logits(l);
    const auto per_gate = z.size() / static_cast<std::size_t>(network.gates(l));
    if (const auto at = first_in(z)) return Anomaly{cat("parameters of layer", l), logit_name(*at, per_gate), z[*at]};
  }
  return first_by_layer(network, network.coefficients(), 4, "parameters", [](std::size_t at) {
    return cat("gate ", at / 4, ", whose logits are finite, coefficient ", kCoefficients[at % 4]);
  });
}

/// One pass, tile by tile. Of the tiles' findings the one counts that is the earliest in the order of the layers.
class Pass {
 public:
  Pass(const Network<float>& network, float inverse_batch, std::span<float> sums)
      : network_(network), inverse_batch_(inverse_batch), layers_(static_cast<std::size_t>(network.layers())) {
    std::int64_t inputs = network.features(), offset = 0;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
      const Wiring& wiring = network.wiring(static_cast<int>(l));
      layer.gates = network.gates(static_cast<int>(l));
      layer.order = {std::vector<std::int32_t>(wiring.gates()), wiring.a, wiring.b};
      std::iota(layer.order.gate.begin(), layer.order.gate.end(), 0);
      layer.c = network.coefficients().subspan(static_cast<std::size_t>(4 * offset)).data();
      layer.sums = sums.subspan(static_cast<std::size_t>(4 * offset), static_cast<std::size_t>(4 * layer.gates));
      layer.y.resize(static_cast<std::size_t>(layer.gates * kLanes));
      if (l > 0) {
        layer.index = make_inverse_index(wiring, inputs);
        layer.dx.resize(static_cast<std::size_t>(inputs * kLanes));
      }
      inputs = layer.gates;
      offset += layer.gates;
    }
    const auto outputs = static_cast<std::size_t>(network.classes()) * kLanes;
    parts_.resize(static_cast<std::size_t>(cpu::score_parts(inputs)) * outputs);
    table_.resize(outputs);
  }

  void tile(const BitMatrix& x, const Targets& targets, std::size_t first) {
    first_ = first;
    width_ = static_cast<int>(std::min<std::size_t>(kLanes, x.bits() - first));
    tile_ = {kLanes, (width_ + cpu::kLaneUnit - 1) / cpu::kLaneUnit * cpu::kLaneUnit};
    const cpu::BitRows bits{x.words().data() + first / 64, x.row_words(), static_cast<int>(first % 64)};
    if (forward(bits) && loss(bits, targets.from(first))) backward(bits);
  }

  const std::optional<Anomaly>& found() const { return found_; }

 private:
  struct Layer {
    std::int64_t gates = 0;
    GateOrder order;
    InverseIndex index;
    const float* c = nullptr;
    std::span<float> sums;
    AlignedVector<float> y, dx;  // outputs; gradient of the inputs
  };

  /// Notes what is found at a stage; false: nothing after it can be the first.
  bool passes(std::size_t stage, const std::optional<Anomaly>& anomaly) {
    if (anomaly && stage < stage_) {
      found_ = anomaly;
      stage_ = stage;
    }
    return stage < stage_;
  }

  /// Rows of a tile: name(row) is what holds the value.
  std::optional<Anomaly> in_rows(const AlignedVector<float>& rows, const std::string& where,
                                 const std::function<std::string(std::size_t)>& name) const {
    for (std::size_t r = 0; r * kLanes < rows.size(); ++r) {
      const auto at = first_in(std::span(rows).subspan(r * kLanes, static_cast<std::size_t>(width_)));
      if (at) return Anomaly{where, name(r), rows[r * kLanes + *at], static_cast<std::int64_t>(first_ + *at)};
    }
    return std::nullopt;
  }

  bool forward(cpu::BitRows bits) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& layer = layers_[l];
#pragma omp parallel
      {
        if (l == 0) cpu::gate_forward(bits, tile_, layer.order, layer.c, layer.y.data());
        else cpu::gate_forward(layers_[l - 1].y.data(), tile_, layer.order, layer.c, layer.y.data());
      }
      const auto name = [](std::size_t gate) { return cat("gate ", gate, ", output"); };
      if (!passes(l, in_rows(layer.y, cat("forward of layer", l), name))) return false;
    }
    return true;
  }

  bool loss(cpu::BitRows bits, const Targets& targets) {
    const Layer& last = layers_.back();
    const int classes = network_.classes();
    std::array<double, kLanes> losses{};
    std::array<std::uint8_t, kLanes> correct{};
#pragma omp parallel
    {
      if (layers_.size() == 1) cpu::gate_scores(bits, tile_, last.order, last.c, classes, parts_.data());
      else cpu::gate_scores(layers_[layers_.size() - 2].y.data(), tile_, last.order, last.c, classes, parts_.data());
      cpu::group_loss(parts_.data(), cpu::score_parts(last.gates), classes, tile_, width_, network_.tau(),
                      static_cast<double>(inverse_batch_), targets, network_.loss(), losses.data(), correct.data(),
                      table_.data());
    }
    std::optional<Anomaly> anomaly;
    for (int i = width_; i-- > 0;) {
      const auto at = static_cast<std::size_t>(i);
      if (!std::isfinite(losses[at])) anomaly = {"loss", "cross entropy", losses[at], static_cast<std::int64_t>(first_ + at)};
    }
    const auto name = [](std::size_t k) { return cat("gradient of the score of class ", k); };
    return passes(layers_.size(), anomaly) && passes(layers_.size(), in_rows(table_, "loss", name));
  }

  bool backward(cpu::BitRows bits) {
    cpu::OutputGradient<float> dy{table_.data(), static_cast<std::int32_t>(layers_.back().gates / network_.classes())};
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Layer& layer = layers_[l];
#pragma omp parallel
      {
        if (l == 0) cpu::gate_sums(bits, dy, tile_, layer.order, layer.sums.data());
        else
          cpu::gate_backward_general(layers_[l - 1].y.data(), dy, tile_, layer.index, layer.c, network_.grad_factor(),
                                     layer.sums.data(), layer.dx.data());
      }
      const std::string where = cat("backward of layer", l);
      const std::size_t stage = 2 * layers_.size() - l;
      std::optional<Anomaly> anomaly;
      if (const auto at = first_in(layer.sums)) anomaly = {where, sum_name(*at), layer.sums[*at]};
      if (!anomaly) anomaly = in_rows(layer.dx, where, [](std::size_t input) { return cat("gradient of input ", input); });
      if (!passes(stage, anomaly)) return false;
      dy = {layer.dx.data(), 1};
    }
    return true;
  }

  const Network<float>& network_;
  float inverse_batch_;
  std::vector<Layer> layers_;
  AlignedVector<float> parts_, table_;
  std::size_t first_ = 0;  // sample of the tile at hand
  int width_ = 0;
  cpu::Tile tile_;
  std::optional<Anomaly> found_;
  std::size_t stage_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace

std::optional<Anomaly> find_anomaly(const Network<float>& network, const BitMatrix& x, std::span<const std::uint16_t> labels,
                                    float inverse_batch, std::span<float> sums, const LabelMix& mix) {
  if (auto found = in_parameters(network)) return found;
  Pass pass(network, inverse_batch, sums);
  const bool mixed = !mix.second.empty();
  const Targets targets{labels.data(), mixed ? mix.second.data() : nullptr, mixed ? mix.share.data() : nullptr};
  for (std::size_t first = 0; first < x.bits(); first += kLanes) pass.tile(x, targets, first);
  return pass.found();
}

std::optional<Anomaly> find_anomaly(const Network<float>& network, std::span<const float> sums) {
  if (auto found = first_by_layer(network, sums, 4, "gradients", sum_name)) return found;
  const auto per_gate = network.layer_logits(0).size() / static_cast<std::size_t>(network.gates(0));
  std::vector<float> dz(static_cast<std::size_t>(network.total_gates()) * per_gate);
  network.logit_gradients(sums, dz);
  return first_by_layer(network, dz, per_gate, "gradients",
                        [&](std::size_t at) { return cat(logit_name(at, per_gate), ", of finite sums"); });
}

}  // namespace dltonic::logic
