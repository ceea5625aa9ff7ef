#include "dltonic/logic/network.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/logic/gate_layer.h"
#include "dltonic/logic/gate_update.h"
#include "dltonic/logic/group_sum.h"
#include "dltonic/logic/hard_layer.h"
#include "dltonic/logic/wiring_plan.h"
#include "logic/aligned.h"

namespace dltonic::logic {
namespace {

constexpr int kLineSamples = 16;  // a tile's samples come in cache lines of floats

/// The batch cut into tiles of nearly equal width: a function of its size alone, because sums follow the cut.
struct Tiling {
  explicit Tiling(std::size_t samples_) : samples(samples_), lines((samples_ + kLineSamples - 1) / kLineSamples) {
    constexpr std::size_t kMostLines = cpu::kTileLanes / kLineSamples;
    count = (lines + kMostLines - 1) / kMostLines;
  }
  std::size_t first(std::size_t tile) const { return lines * tile / count * kLineSamples; }
  int width(std::size_t tile) const { return static_cast<int>(std::min(samples, first(tile + 1)) - first(tile)); }
  std::size_t stride() const { return count == 0 ? 0 : (lines + count - 1) / count * kLineSamples; }
  std::size_t samples, lines, count;
};

double tau_of(const std::string& word, std::int64_t outputs_a_class) {
  if (word == "auto") return 0.5 * std::sqrt(static_cast<double>(outputs_a_class));
  double tau = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), tau);
  if (fault != std::errc{} || end != word.data() + word.size() || !(tau > 0) || !std::isfinite(tau)) {
    throw ConfigError(cat("model.tau: '", word, "' is neither a number above 0 nor auto"));
  }
  return tau;
}

}  // namespace

template <class T>
struct Network<T>::Impl {
  struct Layer {
    Wiring wiring;
    std::int64_t inputs = 0, gates = 0, offset = 0;  // offset: gates of the layers before
    Walk walk;                                       // order of visits; segments where backward can follow them
    InverseIndex index;                              // where it can't
  };

  Impl(const NetworkOptions& options, int features_, int classes_, std::uint64_t seed_)
      : features(features_),
        classes(classes_),
        seed(seed_),
        parametrization(parametrization_from(options.parametrization)),
        estimator(estimator_from(options.estimator)),
        temperature(static_cast<T>(options.temperature)),
        grad_factor(static_cast<T>(options.grad_factor)) {
    if (classes < 1) throw ConfigError(cat("a network needs at least 1 class, but has ", classes));
    if (!(options.temperature > 0)) throw ConfigError(cat("model.temperature: ", options.temperature, " is not above 0"));
    if (estimator == Estimator::gumbel && parametrization != Parametrization::raw)
      throw ConfigError("model.estimator gumbel draws one of 16 gates: it needs model.parametrization=raw");
  }

  // ---- construction ---------------------------------------------------------------------------------
  void set_layers(std::vector<Wiring> wiring, const std::string& tau_word) {
    if (wiring.empty()) throw ConfigError("model.layers: a network needs at least 1 layer");
    layers.resize(wiring.size());
    std::int64_t inputs = features;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      Layer& layer = layers[l];
      layer.inputs = inputs;
      layer.gates = inputs = static_cast<std::int64_t>(wiring[l].gates());
      layer.offset = total;
      layer.wiring = std::move(wiring[l]);
      total += layer.gates;
    }
    if (inputs == 0 || inputs % classes != 0)
      throw ConfigError(cat("the last layer's ", inputs, " gates are not a multiple of the ", classes, " classes"));
    tau = tau_of(tau_word, inputs / classes);
    const std::size_t n = static_cast<std::size_t>(total * per_gate());
    z.assign(n, 0);
    m.assign(n, 0);
    v.assign(n, 0);
    soft_c.assign(static_cast<std::size_t>(4 * total), 0);
    ids.assign(static_cast<std::size_t>(total), 0);
    if (estimator != Estimator::soft) hard_c = soft_c;
    if (estimator == Estimator::gumbel) seen.assign(n, 0);
  }

  std::int64_t per_gate() const { return logits_per_gate(parametrization); }
  const AlignedVector<T>& forward_c() const { return estimator == Estimator::soft ? soft_c : hard_c; }

  void derive() {
    for (std::size_t l = 0; l < layers.size(); ++l) {
      Layer& layer = layers[l];
      with_context(cat("layer ", l), [&] { check_wiring(layer.wiring, layer.inputs); });
      layer.walk = make_walk(layer.wiring, layer.inputs);
      layer.index = {};
      if (l > 0 && layer.walk.segments.empty()) layer.index = make_inverse_index(layer.wiring, layer.inputs);
    }
#pragma omp parallel
    cpu::gate_coefficients(z.data(), total, parametrization, temperature, soft_c.data());
    logits_changed();
  }

  void logits_changed() {
    ids_are_old = true;
    if (estimator == Estimator::hard) decide();
    if (estimator == Estimator::gumbel) draw();
  }
  /// The gates of the coming step's forward.
  void draw() {
#pragma omp parallel
    {
      cpu::add_gumbel(z.data(), total, seed, step, seen.data());
      cpu::gate_decisions(seen.data(), total, parametrization, nullptr, hard_c.data());
    }
  }
  void decide() {
    if (!ids_are_old) return;
#pragma omp parallel
    cpu::gate_decisions(z.data(), total, parametrization, ids.data(), estimator == Estimator::hard ? hard_c.data() : nullptr);
    ids_are_old = false;
  }

  // ---- one pass -------------------------------------------------------------------------------------
  /// Where a pass reads its samples from: packed bits or reals, feature-major.
  struct Source {
    const BitMatrix* bits = nullptr;
    const T* reals = nullptr;
    std::size_t samples = 0;
  };

  void make_room(const Tiling& tiling, bool train, bool reals) {
    const std::size_t stride = tiling.stride();
    const auto room = [](AlignedVector<T>& buffer, std::size_t n) {
      if (buffer.size() < n) buffer.resize(n);
    };
    y.resize(layers.size() - 1);
    std::size_t widest_general = 0, segments = 0;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      room(y[l], static_cast<std::size_t>(layers[l].gates) * stride);
      const Layer& next = layers[l + 1];
      if (next.walk.segments.empty()) widest_general = std::max(widest_general, static_cast<std::size_t>(next.inputs));
      segments = std::max(segments, next.walk.segments.size());
    }
    const auto outputs = static_cast<std::size_t>(classes) * stride;
    room(parts, static_cast<std::size_t>(cpu::score_parts(layers.back().gates)) * outputs);
    if (reals) room(input, static_cast<std::size_t>(features) * stride);
    if (!train) return;
    room(table, outputs);
    room(edges, 2 * segments * stride);
    for (AlignedVector<T>& gradient : gradients) room(gradient, widest_general * stride);
    if (reals) room(input_gradient, static_cast<std::size_t>(features) * stride);
  }

  /// The team's share of reading reals: rows of a tile, zero past the samples.
  void fill_input(const T* reals, std::size_t samples, std::size_t first, int width, cpu::Tile tile) {
#pragma omp for schedule(static)
    for (int f = 0; f < features; ++f) {
      T* row = input.data() + static_cast<std::size_t>(f) * tile.stride;
      std::copy_n(reals + static_cast<std::size_t>(f) * samples + first, width, row);
      std::fill(row + width, row + tile.lanes, T{0});
    }
  }

  template <class Input>
  void forward(Input x, cpu::Tile tile, const T* c) {
    const Layer& first = layers.front();
    if (layers.size() == 1) return cpu::gate_scores(x, tile, first.walk.order, c, classes, parts.data());
    cpu::gate_forward(x, tile, first.walk.order, c, y[0].data());
    for (std::size_t l = 1; l + 1 < layers.size(); ++l)
      cpu::gate_forward(y[l - 1].data(), tile, layers[l].walk.order, c + 4 * layers[l].offset, y[l].data());
    const Layer& last = layers.back();
    cpu::gate_scores(y.back().data(), tile, last.walk.order, c + 4 * last.offset, classes, parts.data());
  }

  /// From the table down to the first layer's input; hands back the gradient of the first layer's output.
  cpu::OutputGradient<T> backward(cpu::Tile tile, const T* c, T* sums) {
    cpu::OutputGradient<T> dy{table.data(), static_cast<std::int32_t>(layers.back().gates / classes)};
    for (std::size_t l = layers.size() - 1; l > 0; --l) {
      const Layer& layer = layers[l];
      T* S = sums + 4 * layer.offset;
      if (!layer.walk.segments.empty()) {
        cpu::gate_backward_walk(y[l - 1].data(), dy, tile, layer.walk, c + 4 * layer.offset, grad_factor, S, edges.data());
        dy = {y[l - 1].data(), 1};
      } else {
        T* dx = gradients[l % 2].data();
        cpu::gate_backward_general(y[l - 1].data(), dy, tile, layer.index, c + 4 * layer.offset, grad_factor, S, dx);
        dy = {dx, 1};
      }
    }
    return dy;
  }

  BatchResult train(Source source, const Targets& targets, T inverse_batch, T* sums, T* dx) {
    const Tiling tiling(source.samples);
    make_room(tiling, true, source.reals != nullptr);
    if (dx != nullptr && layers[0].index.begin.empty())
      layers[0].index = make_inverse_index(layers[0].wiring, layers[0].inputs);
    loss.resize(source.samples);
    correct.resize(source.samples);
    const T* c = forward_c().data();
    const Layer& first_layer = layers.front();
#pragma omp parallel
    for (std::size_t t = 0; t < tiling.count; ++t) {
      const std::size_t first = tiling.first(t);
      const int width = tiling.width(t);
      const cpu::Tile tile = tile_of(tiling, width);
      const auto head = [&] {
        cpu::group_loss(parts.data(), cpu::score_parts(layers.back().gates), classes, tile, width, tau,
                        static_cast<double>(inverse_batch), targets.from(first), loss_options, loss.data() + first,
                        correct.data() + first, table.data());
      };
      if (source.bits != nullptr) {
        const cpu::BitRows x = bit_rows(*source.bits, first);
        forward(x, tile, c);
        head();
        cpu::gate_sums(x, backward(tile, c, sums), tile, first_layer.walk.order, sums);
      } else {
        fill_input(source.reals, source.samples, first, width, tile);
        const T* x = input.data();
        forward(x, tile, c);
        head();
        const cpu::OutputGradient<T> dy = backward(tile, c, sums);
        if (dx == nullptr) {
          cpu::gate_sums(x, dy, tile, first_layer.walk.order, sums);
        } else {
          cpu::gate_backward_general(x, dy, tile, first_layer.index, c, grad_factor, sums, input_gradient.data());
#pragma omp for schedule(static)
          for (int f = 0; f < features; ++f) {
            std::copy_n(input_gradient.data() + static_cast<std::size_t>(f) * tile.stride, width,
                        dx + static_cast<std::size_t>(f) * source.samples + first);
          }
        }
      }
    }
    BatchResult result;
    for (std::size_t i = 0; i < source.samples; ++i) {
      result.loss_sum += loss[i];
      result.correct += correct[i];
    }
    return result;
  }

  void evaluate(Source source, T* out) {
    const Tiling tiling(source.samples);
    make_room(tiling, false, source.reals != nullptr);
#pragma omp parallel
    for (std::size_t t = 0; t < tiling.count; ++t) {
      const std::size_t first = tiling.first(t);
      const int width = tiling.width(t);
      const cpu::Tile tile = tile_of(tiling, width);
      if (source.bits != nullptr) {
        forward(bit_rows(*source.bits, first), tile, soft_c.data());
      } else {
        fill_input(source.reals, source.samples, first, width, tile);
        forward(static_cast<const T*>(input.data()), tile, soft_c.data());
      }
      cpu::group_logits(parts.data(), cpu::score_parts(layers.back().gates), classes, tile, width, tau,
                        out + first * static_cast<std::size_t>(classes));
    }
  }

  void evaluate_hard(const BitMatrix& x, T* out) {
    decide();
    const std::size_t words = x.row_words();
    std::int64_t widest = 0;
    for (const Layer& layer : layers) widest = std::max(widest, layer.gates);
    for (AlignedVector<std::uint64_t>& buffer : bits) buffer.resize(static_cast<std::size_t>(widest * cpu::kTileWords));
    counts.resize(static_cast<std::size_t>(classes) * 64 * cpu::kTileWords);
#pragma omp parallel
    for (std::size_t first = 0; first < words; first += cpu::kTileWords) {
      const int tile_words = static_cast<int>(std::min<std::size_t>(cpu::kTileWords, words - first));
      const std::uint64_t* in = x.words().data() + first;
      std::size_t in_words = x.row_words();
      for (std::size_t l = 0; l < layers.size(); ++l) {
        std::uint64_t* result = bits[l % 2].data();
        cpu::hard_forward(in, in_words, tile_words, layers[l].walk.order, ids.data() + layers[l].offset, result);
        in = result;
        in_words = cpu::kTileWords;
      }
      cpu::hard_counts(in, layers.back().gates, tile_words, classes, counts.data());
      const int samples =
          static_cast<int>(std::min<std::size_t>(x.bits() - 64 * first, 64 * static_cast<std::size_t>(tile_words)));
#pragma omp for schedule(static)
      for (int s = 0; s < samples; ++s) {
        for (int k = 0; k < classes; ++k) {
          const std::int32_t count = counts[static_cast<std::size_t>(k) * 64 * cpu::kTileWords + static_cast<std::size_t>(s)];
          out[(64 * first + static_cast<std::size_t>(s)) * static_cast<std::size_t>(classes) + static_cast<std::size_t>(k)] =
              static_cast<T>(count / tau);
        }
      }
    }
  }

  double update(const T* sums, const OptimizerOptions& options, double rate) {
    const T* noisy = estimator == Estimator::gumbel ? seen.data() : z.data();
    double norm = 0;
    if (options.clip_norm > 0) {
      norm_parts.resize(cpu::norm_parts(total));
#pragma omp parallel
      cpu::gate_gradient_squares(sums, total, parametrization, temperature, static_cast<T>(options.clip_value), noisy,
                                 norm_parts.data());
      for (const double part : norm_parts) norm += part;
      norm = std::sqrt(norm);
      if (!std::isfinite(norm)) return norm;
    }
    ++step;
    const auto power = static_cast<double>(step);
    cpu::UpdateRule<T> rule;
    using Kind = typename cpu::UpdateRule<T>::Kind;
    rule.kind = options.kind == "sgd" ? Kind::sgd : options.kind == "adamw" ? Kind::adamw : Kind::adam;
    rule.rate = static_cast<T>(rate);
    rule.beta1 = static_cast<T>(options.beta1);
    rule.beta2 = static_cast<T>(options.beta2);
    rule.rest1 = static_cast<T>(1 - options.beta1);
    rule.rest2 = static_cast<T>(1 - options.beta2);
    rule.epsilon = static_cast<T>(options.epsilon);
    rule.weight_decay = static_cast<T>(options.weight_decay);
    rule.momentum = static_cast<T>(options.momentum);
    rule.step_size = static_cast<T>(rate / (1 - std::pow(options.beta1, power)));
    rule.root_correction = static_cast<T>(1 / std::sqrt(1 - std::pow(options.beta2, power)));
    rule.clip_value = static_cast<T>(options.clip_value);
    rule.scale = static_cast<T>(options.clip_scale(norm));
#pragma omp parallel
    cpu::gate_update(sums, total, parametrization, temperature, rule, noisy, z.data(), m.data(), v.data(), soft_c.data());
    logits_changed();
    return norm;
  }

  static cpu::Tile tile_of(const Tiling& tiling, int width) {
    return {tiling.stride(), (width + cpu::kLaneUnit - 1) / cpu::kLaneUnit * cpu::kLaneUnit};
  }
  static cpu::BitRows bit_rows(const BitMatrix& bits, std::size_t first) {
    return {bits.words().data() + first / 64, bits.row_words(), static_cast<int>(first % 64)};
  }

  // ---- checks ---------------------------------------------------------------------------------------
  void check_features(std::size_t rows) const {
    if (rows != static_cast<std::size_t>(features))
      throw DataError(cat("a batch of ", rows, " features a sample for a network of ", features));
  }
  void check_size(const char* what, std::size_t size, std::size_t needed) const {
    if (size != needed) throw DataError(cat(what, ": ", size, " values where ", needed, " are needed"));
  }
  void check_labels(std::span<const std::uint16_t> labels, std::size_t samples) const {
    check_size("labels", labels.size(), samples);
    for (std::size_t i = 0; i < samples; ++i) {
      if (labels[i] >= classes)
        throw DataError(cat("sample ", i, " of a batch has label ", labels[i], ", but the network has ", classes, " classes"));
    }
  }

  LossOptions loss_options;
  int features, classes;
  std::uint64_t seed;  ///< of gumbel's draws
  Parametrization parametrization;
  Estimator estimator;
  T temperature, grad_factor;
  double tau = 1;
  std::vector<Layer> layers;
  std::int64_t total = 0;
  std::int64_t step = 0;
  AlignedVector<T> z, m, v;         // [total][16|4]: logits and moments
  AlignedVector<T> soft_c, hard_c;  // [total][4]; hard_c: of the forward pass of the hard estimators
  AlignedVector<std::uint8_t> ids;  // [total] gates of the hard circuit
  AlignedVector<T> seen;            // gumbel: logits with this step's noise
  std::vector<double> norm_parts;   // of the gradient's squared norm
  bool ids_are_old = true;

  // scratch of a pass
  std::vector<AlignedVector<T>> y;  // outputs of all layers but the last; gradients overwrite them
  AlignedVector<T> parts, table, edges, input, input_gradient;
  std::array<AlignedVector<T>, 2> gradients;  // of layers whose consumers have no walk
  std::vector<double> loss;
  std::vector<std::uint8_t> correct;
  std::array<AlignedVector<std::uint64_t>, 2> bits;
  std::vector<std::int32_t> counts;
};

template <class T>
Network<T>::Network(const NetworkOptions& options, int features, int classes, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(options, features, classes, seed)) {
  const WiringKind kind = wiring_kind_from(options.wiring);
  const Initialization how = initialization_from(options.init);
  if (options.layers < 1) throw ConfigError(cat("model.layers: ", options.layers, " is below 1"));
  if (options.gates < 1) throw ConfigError(cat("model.gates: ", options.gates, " is below 1"));
  const int gates = rounded_gates(options.gates, classes);
  std::vector<Wiring> wiring;
  for (int l = 0; l < options.layers; ++l) {
    wiring.push_back(
        make_wiring(kind, l == 0 ? features : gates, gates, seed, static_cast<std::uint32_t>(l), l + 1 == options.layers));
  }
  impl_->set_layers(std::move(wiring), options.tau);
  const std::int64_t total = impl_->total, per_gate = impl_->per_gate();
  T* z = impl_->z.data();
  const Parametrization p = impl_->parametrization;
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < total; ++n) {
    initial_logits(z + n * per_gate, p, how, seed, static_cast<std::uint32_t>(n / gates),
                   static_cast<std::uint32_t>(n % gates));
  }
  impl_->derive();
}

template <class T>
Network<T>::Network(const NetworkOptions& options, int features, int classes, std::vector<Wiring> wiring,
                    const std::vector<std::vector<T>>& logits)
    : impl_(std::make_unique<Impl>(options, features, classes, /*seed=*/0)) {
  if (wiring.size() != logits.size())
    throw DataError(cat("wiring of ", wiring.size(), " layers but logits of ", logits.size()));
  impl_->set_layers(std::move(wiring), options.tau);
  for (std::size_t l = 0; l < logits.size(); ++l) {
    const typename Impl::Layer& layer = impl_->layers[l];
    impl_->check_size("logits of a layer", logits[l].size(), static_cast<std::size_t>(layer.gates * impl_->per_gate()));
    std::copy(logits[l].begin(), logits[l].end(), impl_->z.begin() + layer.offset * impl_->per_gate());
  }
  impl_->derive();
}

template <class T>
Network<T>::~Network() = default;
template <class T>
Network<T>::Network(Network&&) noexcept = default;
template <class T>
Network<T>& Network<T>::operator=(Network&&) noexcept = default;

template <class T>
int Network<T>::features() const {
  return impl_->features;
}
template <class T>
int Network<T>::classes() const {
  return impl_->classes;
}
template <class T>
int Network<T>::layers() const {
  return static_cast<int>(impl_->layers.size());
}
template <class T>
std::int64_t Network<T>::gates(int layer) const {
  return impl_->layers.at(static_cast<std::size_t>(layer)).gates;
}
template <class T>
std::int64_t Network<T>::total_gates() const {
  return impl_->total;
}
template <class T>
double Network<T>::tau() const {
  return impl_->tau;
}
template <class T>
const Wiring& Network<T>::wiring(int layer) const {
  return impl_->layers.at(static_cast<std::size_t>(layer)).wiring;
}
template <class T>
std::span<const T> Network<T>::layer_logits(int layer) const {
  const typename Impl::Layer& l = impl_->layers.at(static_cast<std::size_t>(layer));
  return {impl_->z.data() + l.offset * impl_->per_gate(), static_cast<std::size_t>(l.gates * impl_->per_gate())};
}

template <class T>
std::span<const T> Network<T>::coefficients() const {
  return impl_->forward_c();
}
template <class T>
T Network<T>::grad_factor() const {
  return impl_->grad_factor;
}

template <class T>
NetworkSummary Network<T>::summary() const {
  NetworkSummary s;
  s.features = impl_->features;
  s.classes = impl_->classes;
  s.layers = layers();
  s.gates = static_cast<int>(impl_->layers.back().gates);
  s.tau = impl_->tau;
  s.total_gates = impl_->total;
  s.parameters = impl_->total * impl_->per_gate();
  s.state_bytes = s.parameters * 3 * static_cast<std::int64_t>(sizeof(T)) + impl_->total * 8;
  s.unused_inputs = logic::unused_inputs(impl_->features, impl_->layers.front().gates);
  for (std::size_t l = 1; l < impl_->layers.size(); ++l) s.chain_layers += !impl_->layers[l].walk.segments.empty();
  return s;
}

template <class T>
void Network<T>::set_loss(const LossOptions& options) {
  if (!options.class_weights.empty() && options.class_weights.size() != static_cast<std::size_t>(impl_->classes)) {
    throw ConfigError(
        cat("the loss has weights of ", options.class_weights.size(), " classes, but the network has ", impl_->classes));
  }
  impl_->loss_options = options;
}

template <class T>
const LossOptions& Network<T>::loss() const {
  return impl_->loss_options;
}

template <class T>
BatchResult Network<T>::forward_backward(const BitMatrix& x, std::span<const std::uint16_t> labels, T inverse_batch,
                                         std::span<T> sums, const LabelMix& mix) {
  impl_->check_features(x.rows());
  impl_->check_labels(labels, x.bits());
  if (!mix.second.empty()) {
    impl_->check_labels(mix.second, x.bits());
    impl_->check_size("shares of labels", mix.share.size(), x.bits());
  }
  impl_->check_size("sums", sums.size(), static_cast<std::size_t>(4 * impl_->total));
  const bool mixed = !mix.second.empty();
  const Targets targets{labels.data(), mixed ? mix.second.data() : nullptr, mixed ? mix.share.data() : nullptr};
  return impl_->train({&x, nullptr, x.bits()}, targets, inverse_batch, sums.data(), nullptr);
}

template <class T>
BatchResult Network<T>::forward_backward(std::span<const T> x, std::span<const std::uint16_t> labels, T inverse_batch,
                                         std::span<T> sums, std::span<T> dx) {
  impl_->check_size("inputs", x.size(), static_cast<std::size_t>(impl_->features) * labels.size());
  impl_->check_labels(labels, labels.size());
  impl_->check_size("sums", sums.size(), static_cast<std::size_t>(4 * impl_->total));
  if (!dx.empty()) impl_->check_size("input gradients", dx.size(), x.size());
  return impl_->train({nullptr, x.data(), labels.size()}, {labels.data()}, inverse_batch, sums.data(),
                      dx.empty() ? nullptr : dx.data());
}

template <class T>
void Network<T>::logits(const BitMatrix& x, std::span<T> out) {
  impl_->check_features(x.rows());
  impl_->check_size("logits", out.size(), x.bits() * static_cast<std::size_t>(impl_->classes));
  impl_->evaluate({&x, nullptr, x.bits()}, out.data());
}

template <class T>
void Network<T>::logits(std::span<const T> x, std::size_t samples, std::span<T> out) {
  impl_->check_size("inputs", x.size(), static_cast<std::size_t>(impl_->features) * samples);
  impl_->check_size("logits", out.size(), samples * static_cast<std::size_t>(impl_->classes));
  impl_->evaluate({nullptr, x.data(), samples}, out.data());
}

template <class T>
void Network<T>::hard_logits(const BitMatrix& x, std::span<T> out) {
  impl_->check_features(x.rows());
  impl_->check_size("logits", out.size(), x.bits() * static_cast<std::size_t>(impl_->classes));
  impl_->evaluate_hard(x, out.data());
}

template <class T>
double Network<T>::update(std::span<const T> sums, const OptimizerOptions& optimizer, double learning_rate) {
  impl_->check_size("sums", sums.size(), static_cast<std::size_t>(4 * impl_->total));
  return impl_->update(sums.data(), optimizer, learning_rate);
}

template <class T>
void Network<T>::logit_gradients(std::span<const T> sums, std::span<T> dz) const {
  impl_->check_size("sums", sums.size(), static_cast<std::size_t>(4 * impl_->total));
  impl_->check_size("logit gradients", dz.size(), static_cast<std::size_t>(impl_->total * impl_->per_gate()));
#pragma omp parallel
  cpu::gate_logit_gradients(impl_->z.data(), sums.data(), impl_->total, impl_->parametrization, impl_->temperature, dz.data());
}

template <class T>
std::vector<TensorView> Network<T>::state() {
  constexpr DType kType = sizeof(T) == 4 ? DType::f32 : DType::f64;
  const auto per_gate = static_cast<std::uint64_t>(impl_->per_gate());
  std::vector<TensorView> views;
  for (std::size_t l = 0; l < impl_->layers.size(); ++l) {
    typename Impl::Layer& layer = impl_->layers[l];
    const std::string name = cat("layer", l, "/");
    const auto gates = static_cast<std::uint64_t>(layer.gates);
    const std::size_t at = static_cast<std::size_t>(layer.offset) * per_gate;
    views.push_back({name + "logits", kType, {gates, per_gate}, impl_->z.data() + at});
    views.push_back({name + "moment1", kType, {gates, per_gate}, impl_->m.data() + at});
    views.push_back({name + "moment2", kType, {gates, per_gate}, impl_->v.data() + at});
    views.push_back({name + "a", DType::i32, {gates}, layer.wiring.a.data()});
    views.push_back({name + "b", DType::i32, {gates}, layer.wiring.b.data()});
  }
  views.push_back({"step", DType::i64, {1}, &impl_->step});
  return views;
}

template <class T>
void Network<T>::state_loaded() {
  impl_->derive();
}

template class Network<float>;
template class Network<double>;

}  // namespace dltonic::logic
