/// Small models and batches for the tests of this module. No LibTorch header.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "dltonic/core/half.h"
#include "dltonic/core/random.h"
#include "dltonic/model/model.h"

namespace dltonic::model {

constexpr int kClasses = 5;
const data::FrameShape kShape{2, 9, 8};  // 144 bits: two words and a quarter; sides that 2 × 2 pooling does not divide

/// A model of some hundred parameters.
inline Options small_options(const std::string& kind) {
  Options options;
  options.kind = kind;
  options.network.gates = 98;  // no multiple of the classes
  options.network.layers = 3;
  options.hidden = {12, 7};
  options.channels = {3, 4};
  options.cnn_hidden = 6;
  return options;
}

inline logic::OptimizerOptions optimizer(const std::string& kind) {
  logic::OptimizerOptions options;
  options.kind = kind;
  options.weight_decay = 0.01;
  options.momentum = 0.9;
  return options;
}

inline std::unique_ptr<Model> small_model(const std::string& kind, std::uint64_t seed = 1,
                                          const std::string& optimizer_kind = "adam") {
  return make_model(small_options(kind), kShape, kClasses, seed, optimizer(optimizer_kind));
}

/// Samples [first, first + count) of one endless random data set.
inline data::Batch random_batch(std::uint32_t first, std::uint32_t count, const data::FrameShape& shape = kShape) {
  data::Batch batch;
  batch.bits = BitMatrix(count, shape.row_bits());
  for (std::uint32_t i = 0; i < count; ++i) {
    Random random(7, Use::test, first + i);
    batch.labels.push_back(static_cast<std::uint16_t>(random.below(kClasses)));
    batch.samples.push_back(first + i);
    for (std::size_t f = 0; f < shape.features(); ++f) {
      if (shape.depth == 16) batch.bits.row(i)[f / 4] |= std::uint64_t{to_half(random.uniform() * 4 - 1)} << (16 * (f % 4));
      else if (random.below(2) == 1) batch.bits.set(i, f);
    }
  }
  return batch;
}

/// A model's whole state, by name.
using Snapshot = std::map<std::string, std::vector<std::byte>>;

inline Snapshot snapshot(Model& model) {
  Snapshot state;
  for (const TensorView& view : model.state()) {
    const auto* bytes = static_cast<const std::byte*>(view.data);
    if (!state.emplace(view.name, std::vector<std::byte>(bytes, bytes + view.bytes())).second)
      throw std::logic_error("two views are named " + view.name);
  }
  return state;
}

inline void load(Model& model, const Snapshot& state) {
  for (const TensorView& view : model.state()) {
    const auto& bytes = state.at(view.name);
    if (bytes.size() != view.bytes()) throw std::logic_error(view.name + " has another size");
    std::memcpy(view.data, bytes.data(), bytes.size());
  }
  model.state_loaded();
}

/// One step as training makes it, on its own batch; the loss sum.
inline double train_step(Model& model, std::int64_t step, double learning_rate = 0.01, std::uint32_t samples = 20) {
  std::vector<float> gradients(model.gradient_size(), 0.0f);
  const auto batch = random_batch(static_cast<std::uint32_t>(step) * samples, samples);
  const StepResult result = model.forward_backward(batch, {1.0 / samples, 1, step}, gradients);
  model.update(gradients, learning_rate);
  return result.loss_sum;
}

}  // namespace dltonic::model
