/// A dense network of logic gates with a GroupSum head: layers of equal width, cross entropy on top.
/// Owner of memory and order of calls; the arithmetic lies in gate_layer.h, gate_update.h, group_sum.h and hard_layer.h.
/// Results do not depend on the number of OpenMP threads, bit for bit. A sample's activations and loss do not depend on
/// the batch it stands in. Not thread-safe: one caller at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/core/bits.h"
#include "dltonic/core/tensor_view.h"
#include "dltonic/logic/gate.h"
#include "dltonic/logic/loss.h"
#include "dltonic/logic/optimizer.h"
#include "dltonic/logic/wiring.h"

namespace dltonic::logic {

struct NetworkOptions {
  int gates = 16000;  ///< of one layer; rounded up to a multiple of the classes (rounded_gates)
  int layers = 4;
  std::string wiring = "chain";
  std::string parametrization = "raw";
  std::string init = "normal";
  std::string estimator = "soft";
  double temperature = 1;
  std::string tau = "auto";  ///< a number, or auto: 0.5 * sqrt(outputs a class)
  double grad_factor = 1;

  void bind(config::Section& s);
};

/// The width that every layer really has: `gates` rounded up to a multiple of `classes`.
constexpr int rounded_gates(int gates, int classes) { return (gates + classes - 1) / classes * classes; }

/// What one pass over a batch gives beside gradients.
struct BatchResult {
  double loss_sum = 0;       ///< sum over samples of the cross entropy, not divided
  std::int64_t correct = 0;  ///< samples whose (first) largest logit is the label's
};

struct NetworkSummary {
  int features = 0, classes = 0, layers = 0, gates = 0;  ///< gates: of one layer, rounded
  double tau = 0;
  std::int64_t total_gates = 0;
  std::int64_t parameters = 0;     ///< logits
  std::int64_t state_bytes = 0;    ///< logits, moments, wiring: what a checkpoint holds
  std::int64_t unused_inputs = 0;  ///< features that no gate of the first layer reads
  int chain_layers = 0;            ///< layers whose backward follows a walk (the first layer needs none)
};

/// T: float (training) or double (the oracle of tests).
template <class T>
class Network {
 public:
  /// Random wiring and logits: a function of the arguments alone. Throws ConfigError.
  Network(const NetworkOptions& options, int features, int classes, std::uint64_t seed);
  /// Given wiring (one a layer; a == b and any fan-out are taken) and logits ([gates][16|4] a layer); `options` gives
  /// parametrization, estimator, temperature, tau and grad_factor. Layers may differ in width here; the last one's must be
  /// a multiple of `classes`. Throws ConfigError, DataError.
  Network(const NetworkOptions& options, int features, int classes, std::vector<Wiring> wiring,
          const std::vector<std::vector<T>>& logits);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  int features() const;
  int classes() const;
  int layers() const;
  std::int64_t gates(int layer) const;
  std::int64_t total_gates() const;
  double tau() const;
  /// What forward_backward minimises, plain cross entropy at first. ConfigError where there is not a weight for every class.
  void set_loss(const LossOptions& options);
  const LossOptions& loss() const;
  NetworkSummary summary() const;
  const Wiring& wiring(int layer) const;
  /// [gates][16|4] of a layer.
  std::span<const T> layer_logits(int layer) const;
  /// [total gates][4] of the coming step's forward: the estimator's.
  std::span<const T> coefficients() const;
  T grad_factor() const;

  /// One pass over a batch with the estimator's coefficients.
  ///   x       feature-major bits: rows = features, bits = samples (dltonic::transpose gives it)
  ///   labels  [sample], < classes
  ///   inverse_batch  1 / global batch: gradients are those of loss_sum * inverse_batch
  ///   sums    [total gates][4], layer after layer in canonical order; the four sums are ADDED
  ///   mix     second labels, where samples have them
  /// Throws DataError where a size or a label does not fit.
  BatchResult forward_backward(const BitMatrix& x, std::span<const std::uint16_t> labels, T inverse_batch, std::span<T> sums,
                               const LabelMix& mix = {});
  /// The same on real inputs in [0, 1], x [feature][sample]; dx [feature][sample] is written where it is not empty
  /// (times grad_factor, as every layer's).
  BatchResult forward_backward(std::span<const T> x, std::span<const std::uint16_t> labels, T inverse_batch, std::span<T> sums,
                               std::span<T> dx = {});

  /// Class scores before softmax of the soft network, whatever the estimator: out [sample][class] = group sum / tau.
  void logits(const BitMatrix& x, std::span<T> out);
  void logits(std::span<const T> x, std::size_t samples, std::span<T> out);
  /// The same of the Boolean circuit of the most likely gates, 64 samples a word. Exact: equals the hard float forward.
  void hard_logits(const BitMatrix& x, std::span<T> out);

  /// One optimiser step of all layers: sums → dz → clipping → Adam, AdamW or SGD → z → coefficients. Returns the norm of dz
  /// (after clip_value) where clip_norm is set, else 0; where that norm is not finite, nothing has changed.
  double update(std::span<const T> sums, const OptimizerOptions& optimizer, double learning_rate);
  /// dz of given sums, [total gates][16|4]: what clipping and tests look at; changes nothing.
  void logit_gradients(std::span<const T> sums, std::span<T> dz) const;

  /// "layer<l>/logits", "layer<l>/moment1", "layer<l>/moment2" [gates][16|4]; "layer<l>/a", "layer<l>/b" i32 [gates];
  /// "step" i64 [1], updates made. After loading into the views: state_loaded(), which checks the wiring (DataError) and
  /// derives walks and coefficients anew.
  std::vector<TensorView> state();
  void state_loaded();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class Network<float>;
extern template class Network<double>;

}  // namespace dltonic::logic
