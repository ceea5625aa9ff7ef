// Owner of a network's device memory and order of calls; the arithmetic lies in kernels.h.
#include "dltonic/logic/device_network.h"

#include <algorithm>
#include <array>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"
#include "logic/gpu/kernels.h"

namespace dltonic::logic {

using device::Buffer;
using device::StreamHandle;
using gpu::Activations;
using gpu::InputBits;
using gpu::LayerOnDevice;
using gpu::Tile;

namespace {

constexpr int kReadSamples = 256;  // of soft evaluation

int rounded_up(std::int64_t n, std::int64_t unit) { return static_cast<int>((n + unit - 1) / unit * unit); }

gpu::Rule rule_of(const OptimizerOptions& o) {
  using Kind = gpu::Rule::Kind;
  return {.kind = o.kind == "sgd"     ? Kind::sgd
                  : o.kind == "adamw" ? Kind::adamw
                                      : Kind::adam,
          .beta1 = o.beta1,
          .beta2 = o.beta2,
          .epsilon = static_cast<float>(o.epsilon),
          .weight_decay = static_cast<float>(o.weight_decay),
          .momentum = static_cast<float>(o.momentum),
          .clip_value = static_cast<float>(o.clip_value),
          .clip_norm = static_cast<float>(o.clip_norm)};
}

/// A layer's lists in device memory.
struct Layer {
  gpu::LayerPlan plan;  // on the host: its order is needed for upload and download
  std::int64_t offset = 0;
  Buffer<gpu::Pair> pairs;
  Buffer<gpu::Segment> segments;
  Buffer<gpu::FusedSegment> fused;
  Buffer<gpu::TwoConsumers> consumers;
  Buffer<std::int32_t> more_begin;
  Buffer<gpu::Consumer> more;
  Buffer<gpu::ScoreGate> scores;
  Buffer<std::uint16_t> class_of;
  LayerOnDevice view;

  void send(StreamHandle stream) {
    pairs = device::uploaded(plan.pairs, stream);
    segments = device::uploaded(plan.segments, stream);
    fused = device::uploaded(plan.fused, stream);
    consumers = device::uploaded(plan.consumers, stream);
    more_begin = device::uploaded(plan.more_begin, stream);
    more = device::uploaded(plan.more, stream);
    scores = device::uploaded(plan.scores, stream);
    class_of = device::uploaded(plan.class_of, stream);
    view = {plan.inputs,      plan.gates,        static_cast<std::int32_t>(plan.segments.size()),
            pairs.data(),     segments.data(),   fused.data(),
            consumers.data(), more_begin.data(), more.data(),
            scores.data(),    class_of.data()};
  }
};

}  // namespace

struct DeviceNetwork::Impl {
  Impl(Network<float>& host_, const NetworkOptions& o, const OptimizerOptions& optimizer, Precision precision_,
       int most_samples_, StreamHandle stream, const DeviceTuning& tuning_)
      : host(host_),
        tuning(tuning_),
        rule(rule_of(optimizer)),
        precision(precision_),
        parametrization(parametrization_from(o.parametrization)),
        estimator(estimator_from(o.estimator)),
        temperature(static_cast<float>(o.temperature)),
        grad_factor(static_cast<float>(o.grad_factor)),
        tile(rounded_up(tuning_.tile_samples, 256)),
        most_samples(most_samples_),
        total(host_.total_gates()) {
    if (host.classes() > gpu::kMostClasses) {
      throw ConfigError(cat("a network on a GPU has at most ", gpu::kMostClasses, " classes, but this one has ", host.classes(),
                            "; train.device=cpu takes any number"));
    }
    const bool bits = estimator != Estimator::soft, wide = precision == Precision::float32;
    kind = bits ? (wide ? Activations::bits_float32 : Activations::bits_bfloat16)
                : (wide ? Activations::float32 : Activations::bfloat16);
    layers.resize(static_cast<std::size_t>(host.layers()));
    plan(stream);

    const auto n = static_cast<std::size_t>(total);
    z = Buffer<float>(n * per_gate());
    m = Buffer<float>(n * per_gate());
    v = Buffer<float>(n * per_gate());
    c = Buffer<float>(4 * n);
    number = Buffer<std::uint32_t>(n);
    if (bits) ids = Buffer<std::uint8_t>(n);
    const int lanes = tuning.lanes > 0 ? tuning.lanes : layers.size() < 2 || layers[1].view.is_walk() ? 32 : 16;
    most = gpu::make_tile(std::min(most_samples, tile), lanes);
    S = Buffer<float>(4 * n * static_cast<std::size_t>(most.groups));
    if (const auto& given = host.loss().class_weights; !given.empty()) weights = device::uploaded(std::span(given), stream);
    if (rule.clip_norm > 0) norm_parts = Buffer<double>(gpu::norm_parts(logits_view(estimator, c.data(), ids.data())));
    make_room();
    upload(stream);
  }

  std::size_t per_gate() const { return static_cast<std::size_t>(logits_per_gate(parametrization)); }
  bool packed() const { return gpu::packed(kind); }
  /// Layers 1 and 2 run as one: the second is a walk and not the last.
  bool fuses() const { return layers.size() > 2 && layers[1].view.fused != nullptr; }

  void plan(StreamHandle stream) {
    std::vector<const Wiring*> wiring;
    for (int l = 0; l < host.layers(); ++l) wiring.push_back(&host.wiring(l));
    auto plans = gpu::make_device_plan(wiring, host.features(), host.classes());
    std::int64_t offset = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      layers[l].plan = std::move(plans[l]);
      layers[l].offset = offset;
      layers[l].send(stream);
      offset += layers[l].plan.gates;
    }
  }

  void make_room() {
    rows.clear();  // what was there goes first
    gradients = {};
    rows.resize(layers.size() - 1);
    std::size_t widest_input = 0;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      const auto gates = static_cast<std::size_t>(layers[l].plan.gates);
      if (l > 0 || !fuses()) rows[l] = Buffer<std::byte>(gates * gpu::activation_bytes(kind, most.padded()));
      if (l > 0 || !fuses()) widest_input = std::max(widest_input, gates);
    }
    for (auto& buffer : gradients) {
      if (layers.size() > 1) buffer = Buffer<std::byte>(widest_input * gpu::gradient_bytes(kind, most.padded()));
    }
    parts = Buffer<float>(part_floats(most.padded()));
    table = Buffer<std::byte>(static_cast<std::size_t>(host.classes()) * gpu::gradient_bytes(kind, most.padded()));
    const auto samples = static_cast<std::size_t>(rounded_up(most_samples, 256));
    loss = Buffer<float>(samples);
    correct = Buffer<std::uint8_t>(samples);
  }

  /// Of parts of class sums for rows of so many samples: wide groups of lanes give the most parts.
  std::size_t part_floats(int padded) const {
    const std::int64_t last = layers.back().plan.gates;
    const int parts_a_class =
        std::max(gpu::score_parts(last, host.classes()), gpu::hard_score_parts(last, host.classes(), /*row_bytes=*/128));
    return static_cast<std::size_t>(host.classes()) * static_cast<std::size_t>(parts_a_class) *
           static_cast<std::size_t>(padded);
  }

  // ---- training -------------------------------------------------------------------------------------
  /// Calls f(first sample, samples) for the tiles of a batch.
  template <class F>
  static void each_tile(int samples, int most_of_tile, F f) {
    const int count = (samples + most_of_tile - 1) / most_of_tile;
    const int each = count > 1 ? rounded_up((samples + count - 1) / count, 256) : samples;
    for (int first = 0; first < samples; first += each) f(first, std::min(each, samples - first));
  }
  static InputBits input_of(const Batch& batch, int first) {
    return {reinterpret_cast<const std::uint8_t*>(batch.bits) + first / 8, batch.row_words * 8};
  }
  const float* c_of(const float* base, std::size_t l) const { return base + 4 * layers[l].offset; }

  /// Up to the parts of class sums, of which it hands back how many a class has.
  int forward(InputBits x, Tile t, StreamHandle stream) {
    const auto row = [&](std::size_t l) { return rows[l].data(); };
    return packed() ? hard_forward(x, t.padded() / 8, ids.data(), row, parts.data(), stream)
                    : soft_forward(kind, x, t, c.data(), row, parts.data(), stream);
  }

  /// `row(l)`: where layer l's outputs go.
  template <class RowOf>
  int soft_forward(Activations how, InputBits x, Tile t, const float* base, RowOf row, float* to, StreamHandle stream) {
    const LayerOnDevice& last = layers.back().view;
    const int classes = host.classes();
    const std::size_t end = layers.size() - 1;
    if (end == 0) {
      gpu::forward_scores(x, last, base, classes, t, to, stream);
    } else {
      if (fuses()) gpu::forward_fused(how, x, base, layers[1].view, c_of(base, 1), t, row(1), stream);
      else gpu::forward_input(how, x, layers[0].view, base, t, row(0), stream);
      for (std::size_t l = fuses() ? 2 : 1; l < end; ++l) inner_forward(how, l, row(l - 1), base, t, row(l), stream);
      gpu::forward_scores(how, row(end - 1), last, c_of(base, end), classes, t, to, stream);
    }
    return gpu::score_parts(last.gates, classes);
  }

  void inner_forward(Activations how, std::size_t l, const void* x, const float* base, Tile t, void* y, StreamHandle stream) {
    const LayerOnDevice& layer = layers[l].view;
    if (layer.is_walk()) gpu::forward_walk(how, x, layer, c_of(base, l), t, y, stream);
    else gpu::forward_gather(how, x, layer, c_of(base, l), t, y, stream);
  }

  template <class RowOf>
  int hard_forward(InputBits x, int row_bytes, const std::uint8_t* base, RowOf row, float* to, StreamHandle stream) {
    const auto ids_of = [&](std::size_t l) { return base + layers[l].offset; };
    const std::size_t end = layers.size() - 1;
    std::size_t l = 0;
    const void* in = x.bytes;
    std::size_t stride = x.stride;
    const auto go_on = [&] {
      in = row(l++);
      stride = static_cast<std::size_t>(row_bytes);
    };
    if (fuses()) {
      gpu::hard_fused(x, base, layers[1].view, ids_of(1), row_bytes, row(l = 1), stream);
      go_on();
    }
    while (l < end) {
      const LayerOnDevice& layer = layers[l].view;
      if (l > 0 && layer.is_walk()) gpu::hard_walk(in, layer, ids_of(l), row_bytes, row(l), stream);
      else gpu::hard_gather(in, stride, layer, ids_of(l), row_bytes, row(l), stream);
      go_on();
    }
    gpu::hard_scores(in, stride, layers.back().view, ids_of(end), host.classes(), row_bytes, to, stream);
    return gpu::hard_score_parts(layers.back().plan.gates, host.classes(), row_bytes);
  }

  gpu::Sums sums_of(std::size_t l, bool add, device::StepSums* step) {
    return {S.data() + 4 * layers[l].offset, 4 * static_cast<std::size_t>(total), add, &step->nonfinite};
  }

  void backward(InputBits x, Tile t, bool add, device::StepSums* step, StreamHandle stream,
                const std::function<void(int, int)>& layers_done) {
    const auto done = [&](std::size_t first, std::size_t end) {
      if (!layers_done) return;
      if (first == 0) device::wait(stream, side_done);
      layers_done(static_cast<int>(first), static_cast<int>(end));
    };
    gpu::OutputGradient dy{table.data(), layers.back().view.class_of};
    for (std::size_t l = layers.size() - 1; l > 0; --l) {
      const LayerOnDevice& layer = layers[l].view;
      if (l == 1 && fuses()) {
        gpu::backward_fused(kind, x, dy, c.data(), layer, c_of(c.data(), 1), grad_factor, t, sums_of(0, add, step),
                            sums_of(1, add, step), stream);
        done(0, 2);
        return;
      }
      void* dx = gradients[l % 2].data();
      if (layer.is_walk()) {
        gpu::backward_walk(kind, rows[l - 1].data(), dy, layer, c_of(c.data(), l), grad_factor, t, sums_of(l, add, step), dx,
                           stream);
      } else {
        gpu::backward_general(kind, rows[l - 1].data(), dy, layer, c_of(c.data(), l), grad_factor, t, sums_of(l, add, step), dx,
                              stream);
      }
      done(l, l + 1);
      dy = {dx, nullptr};
    }
    gpu::backward_input(kind, x, dy, layers[0].view, t, sums_of(0, add, step), stream);
    done(0, 1);
  }

  void forward_backward(const Batch& batch, double inverse_batch, bool add, device::StepSums* step, StreamHandle stream,
                        const Hooks& hooks) {
    if (rounded_up(batch.samples, 256) > static_cast<int>(loss.size()))
      throw DeviceError(cat("a batch of ", batch.samples, " samples where room was made for ", loss.size()));
    const Targets targets{batch.labels, batch.second_labels, batch.label_share};
    // Tiles after the first add to its groups of sums, so they are no larger and have no more of them.
    each_tile(batch.samples, add ? std::min(tile, used.samples) : tile, [&](int first, int samples) {
      const Tile t = gpu::make_tile(samples, add || first > 0 ? used : most);
      if (!add && first == 0) used = t;
      const InputBits x = input_of(batch, first);
      const int count = forward(x, t, stream);
      gpu::group_loss(kind, parts.data(), count, host.classes(), t, host.tau(), inverse_batch,
                      targets.from(static_cast<std::size_t>(first)), host.loss().label_smoothing, weights.data(),
                      loss.data() + first, correct.data() + first, table.data(), stream);
      const bool is_last = first + t.samples >= batch.samples;
      if (is_last) {  // beside the backward
        side_start.record(stream);
        side.wait(side_start);
        gpu::tally(loss.data(), correct.data(), batch.samples, step, side);
        side_done.record(side);
        if (hooks.forward_done) hooks.forward_done();
      }
      backward(x, t, add || first > 0, step, stream, is_last ? hooks.layers_done : std::function<void(int, int)>{});
    });
    device::wait(stream, side_done);
  }

  gpu::Logits logits_view(Estimator how, float* coefficients, std::uint8_t* gate_ids) {
    return {total, parametrization, how, temperature, z.data(), m.data(), v.data(), number.data(), coefficients, gate_ids};
  }

  std::int64_t widest() const {
    std::int64_t gates = 0;
    for (const Layer& layer : layers) gates = std::max(gates, layer.plan.gates);
    return gates;
  }

  // ---- reading --------------------------------------------------------------------------------------
  void soft_logits(const Batch& batch, float* out, StreamHandle stream) {
    const Activations how = precision == Precision::float32 ? Activations::float32 : Activations::bfloat16;
    if (read_c.size() == 0) read_c = Buffer<float>(c.size());
    for (auto& buffer : read_rows)
      buffer.reserve(static_cast<std::size_t>(widest()) * gpu::activation_bytes(how, kReadSamples));
    read_parts.reserve(part_floats(kReadSamples));
    gpu::coefficients(logits_view(Estimator::soft, read_c.data(), nullptr), no_clock.data(), stream);
    each_tile(batch.samples, kReadSamples, [&](int first, int samples) {
      const Tile t = gpu::make_tile(samples);
      const InputBits x = input_of(batch, first);
      const auto row = [&](std::size_t l) { return read_rows[l % 2].data(); };
      const int count = soft_forward(how, x, t, read_c.data(), row, read_parts.data(), stream);
      gpu::group_logits(read_parts.data(), count, host.classes(), t.samples, t.padded(), host.tau(),
                        out + static_cast<std::size_t>(first) * static_cast<std::size_t>(host.classes()), stream);
    });
  }

  /// What one of the streams of hard evaluation owns.
  struct HardLane {
    device::Stream stream;
    device::Event done;
    std::array<Buffer<std::byte>, 2> rows;
    Buffer<float> parts;
  };

  void hard_logits(const Batch& batch, float* out, StreamHandle stream) {
    const int most_of_tile = rounded_up(tuning.hard_tile_samples, 256);
    if (hard_lanes.empty()) {
      hard_ids = Buffer<std::uint8_t>(static_cast<std::size_t>(total));
      const auto row_bytes = static_cast<std::size_t>(most_of_tile / 8);
      for (int i = 0; i < tuning.hard_streams; ++i) {
        HardLane lane;
        for (auto& buffer : lane.rows) buffer = Buffer<std::byte>(static_cast<std::size_t>(widest()) * row_bytes);
        lane.parts = Buffer<float>(part_floats(most_of_tile));
        hard_lanes.push_back(std::move(lane));
      }
    }
    gpu::coefficients(logits_view(Estimator::hard, nullptr, hard_ids.data()), no_clock.data(), stream);
    hard_start.record(stream);
    for (HardLane& lane : hard_lanes) lane.stream.wait(hard_start);
    std::size_t next = 0;
    each_tile(batch.samples, most_of_tile, [&](int first, int samples) {
      HardLane& lane = hard_lanes[next++ % hard_lanes.size()];
      const int row_bytes = rounded_up(samples, 32) / 8;
      const int count = hard_forward(
          input_of(batch, first), row_bytes, hard_ids.data(), [&](std::size_t l) { return lane.rows[l % 2].data(); },
          lane.parts.data(), lane.stream);
      gpu::group_logits(lane.parts.data(), count, host.classes(), samples, row_bytes * 8, host.tau(),
                        out + static_cast<std::size_t>(first) * static_cast<std::size_t>(host.classes()), lane.stream);
    });
    for (HardLane& lane : hard_lanes) {
      lane.done.record(lane.stream);
      device::wait(stream, lane.done);
    }
  }

  // ---- state ----------------------------------------------------------------------------------------
  /// f(host memory, device memory, rows of `width` floats, order) for each of logits and moments of each layer.
  template <class F>
  void each_state(std::span<const TensorView> state, F f) {
    const std::size_t width = per_gate();
    for (const TensorView& view : state) {
      const auto slash = view.name.find('/');
      if (slash == std::string::npos) continue;
      const std::string what = view.name.substr(slash + 1);
      Buffer<float>* buffer = what == "logits" ? &z : what == "moment1" ? &m : what == "moment2" ? &v : nullptr;
      if (buffer == nullptr) continue;
      const Layer& layer = layers[static_cast<std::size_t>(std::stoi(view.name.substr(5, slash - 5)))];
      f(static_cast<float*>(view.data), buffer->data() + static_cast<std::size_t>(layer.offset) * width, width,
        layer.plan.canonical);
    }
  }

  void upload(StreamHandle stream) {
    std::vector<float> ordered;
    each_state(host.state(),
               [&](const float* on_host, float* on_gpu, std::size_t width, const std::vector<std::int32_t>& canonical) {
                 ordered.resize(canonical.size() * width);
                 for (std::size_t p = 0; p < canonical.size(); ++p)
                   std::copy_n(on_host + static_cast<std::size_t>(canonical[p]) * width, width, ordered.data() + p * width);
                 device::copy(on_gpu, ordered.data(), ordered.size() * sizeof(float), stream);
                 device::synchronize(stream);
               });
    std::vector<std::uint32_t> numbers;
    for (const Layer& layer : layers) {
      for (const std::int32_t gate : layer.plan.canonical) numbers.push_back(static_cast<std::uint32_t>(layer.offset + gate));
    }
    device::copy(number.data(), numbers.data(), number.bytes(), stream);
    device::fill_zero(no_clock.data(), no_clock.bytes(), stream);
    device::synchronize(stream);
  }

  void download(std::int64_t steps, StreamHandle stream, std::span<const TensorView> state) {
    for (const TensorView& view : state) {
      if (view.name == "step") *static_cast<std::int64_t*>(view.data) = steps;
    }
    struct Piece {
      float* on_host;  // the whole tensor
      const float* on_gpu;
      std::size_t width;
      const std::int32_t* canonical;
      std::size_t rows;
    };
    std::vector<Piece> pieces;
    each_state(state, [&](float* on_host, const float* on_gpu, std::size_t width, const std::vector<std::int32_t>& canonical) {
      const std::size_t landing_rows = kLandingFloats / width;
      for (std::size_t p = 0; p < canonical.size(); p += landing_rows)
        pieces.push_back(
            {on_host, on_gpu + p * width, width, canonical.data() + p, std::min(landing_rows, canonical.size() - p)});
    });
    // Training waits for this: pieces land in pinned memory while the cores put the one before in canonical order.
    for (std::size_t done = 0, next = 0; done < pieces.size(); ++done) {
      for (; next < std::min(pieces.size(), done + landing.size()); ++next) {
        Landing& free = landing[next % landing.size()];
        device::copy(free.floats.data(), pieces[next].on_gpu, pieces[next].rows * pieces[next].width * sizeof(float), stream);
        free.landed.record(stream);
      }
      const Piece& piece = pieces[done];
      const Landing& full = landing[done % landing.size()];
      full.landed.synchronize();
      const float* const from = full.floats.data();
#pragma omp parallel for schedule(static)
      for (std::size_t p = 0; p < piece.rows; ++p)
        std::copy_n(from + p * piece.width, piece.width,
                    piece.on_host + static_cast<std::size_t>(piece.canonical[p]) * piece.width);
    }
  }

  static constexpr std::size_t kLandingFloats = std::size_t{1} << 21;
  struct Landing {
    device::PinnedBuffer<float> floats{kLandingFloats};
    device::Event landed;
  };
  std::array<Landing, 4> landing;  ///< of download()

  Network<float>& host;
  DeviceTuning tuning;
  gpu::Rule rule;
  Precision precision;
  Parametrization parametrization;
  Estimator estimator;
  float temperature, grad_factor;
  int tile, most_samples;
  std::int64_t total;
  Activations kind = Activations::float32;
  Tile most, used;  ///< most: what there is room for; used: by the running step
  std::vector<Layer> layers;

  Buffer<float> z, m, v, c, S;
  Buffer<float> weights;        ///< of classes, in the loss; none: all 1
  Buffer<float> own_collected;  ///< where nobody gave other memory
  std::span<float> collected;
  Buffer<double> norm_parts;  ///< of the gradient's squared norm
  Buffer<std::uint32_t> number;
  Buffer<std::uint8_t> ids;
  std::vector<Buffer<std::byte>> rows;  ///< outputs of each layer but the last
  std::array<Buffer<std::byte>, 2> gradients;
  Buffer<float> parts, loss;
  Buffer<std::byte> table;
  Buffer<std::uint8_t> correct;

  Buffer<device::StepClock> no_clock{1};  ///< for readings, which draw nothing
  Buffer<float> read_c, read_parts;
  std::array<Buffer<std::byte>, 2> read_rows;
  Buffer<std::uint8_t> hard_ids;
  std::vector<HardLane> hard_lanes;
  device::Event hard_start;

  device::Stream side;  ///< what nothing of the backward waits for
  device::Event side_start, side_done;
};

DeviceNetwork::DeviceNetwork(Network<float>& host, const NetworkOptions& options, const OptimizerOptions& optimizer,
                             Precision precision, int most_samples, StreamHandle stream, const DeviceTuning& tuning)
    : impl_(std::make_unique<Impl>(host, options, optimizer, precision, most_samples, stream, tuning)) {}
DeviceNetwork::~DeviceNetwork() = default;
DeviceNetwork::DeviceNetwork(DeviceNetwork&&) noexcept = default;

void DeviceNetwork::forward_backward(const Batch& batch, double inverse_batch, bool add, device::StepSums* sums,
                                     StreamHandle stream, const Hooks& hooks) {
  impl_->forward_backward(batch, inverse_batch, add, sums, stream, hooks);
}

void DeviceNetwork::collect_into(std::span<float> memory) {
  const auto needed = static_cast<std::size_t>(4 * impl_->total);
  if (memory.size() != needed) throw DeviceError(cat("memory for ", memory.size(), " sums, but there are ", needed));
  impl_->collected = memory;
}
std::span<float> DeviceNetwork::collected() const {
  if (impl_->collected.empty()) {
    impl_->own_collected = Buffer<float>(static_cast<std::size_t>(4 * impl_->total));
    impl_->collected = {impl_->own_collected.data(), impl_->own_collected.size()};
  }
  return impl_->collected;
}
std::span<float> DeviceNetwork::collect(int first, int end, StreamHandle stream) {
  const Layer& from = impl_->layers[static_cast<std::size_t>(first)];
  const Layer& last = impl_->layers[static_cast<std::size_t>(end - 1)];
  const std::int64_t gates = last.offset + last.plan.gates - from.offset;
  const auto at = static_cast<std::size_t>(4 * from.offset);
  const auto to = collected().subspan(at, static_cast<std::size_t>(4 * gates));
  gpu::sum_groups(impl_->S.data() + at, 4 * static_cast<std::size_t>(impl_->total), impl_->used.groups, gates, to.data(),
                  stream);
  return to;
}

void DeviceNetwork::update(const device::StepClock* clock, device::StepSums* sums, bool collected, StreamHandle stream) {
  const float* S = collected ? impl_->collected.data() : impl_->S.data();
  const int groups = collected ? 1 : impl_->used.groups;
  const gpu::Logits logits = impl_->logits_view(impl_->estimator, impl_->c.data(), impl_->ids.data());
  if (impl_->rule.clip_norm > 0) gpu::norm(logits, impl_->rule, S, groups, clock, impl_->norm_parts.data(), sums, stream);
  gpu::update(logits, impl_->rule, S, groups, clock, sums, stream);
}

void DeviceNetwork::begin(const device::StepClock* clock, StreamHandle stream) {
  gpu::coefficients(impl_->logits_view(impl_->estimator, impl_->c.data(), impl_->ids.data()), clock, stream);
}

void DeviceNetwork::logits(const Batch& batch, float* out, StreamHandle stream) { impl_->soft_logits(batch, out, stream); }
void DeviceNetwork::hard_logits(const Batch& batch, float* out, StreamHandle stream) { impl_->hard_logits(batch, out, stream); }

void DeviceNetwork::upload(StreamHandle stream) {
  impl_->plan(stream);
  impl_->make_room();  // another wiring may fuse other layers
  impl_->upload(stream);
}
void DeviceNetwork::download(std::int64_t steps, StreamHandle stream, std::span<const TensorView> state) {
  const auto own = impl_->host.state();
  impl_->download(steps, stream, state.empty() ? std::span(own) : state);
}

std::size_t DeviceNetwork::reading_bytes() const {
  const auto widest = static_cast<std::size_t>(impl_->widest());
  const std::size_t soft = 2 * widest * gpu::activation_bytes(Activations::float32, kReadSamples);
  const auto hard_rows = static_cast<std::size_t>(rounded_up(impl_->tuning.hard_tile_samples, 256) / 8);
  return soft + 2 * static_cast<std::size_t>(impl_->tuning.hard_streams) * widest * hard_rows;
}

std::string DeviceNetwork::describe() const {
  int walks = 0;
  for (const Layer& layer : impl_->layers) walks += layer.view.is_walk();
  return cat(walks, " of ", impl_->layers.size(), " layers walked", impl_->fuses() ? ", the first two fused" : "", ", ",
             impl_->packed() ? "activations as bits, gradients " : "",
             impl_->precision == Precision::float32 ? "float32" : "bfloat16", ", tiles of ", impl_->tile, " samples");
}

}  // namespace dltonic::logic
