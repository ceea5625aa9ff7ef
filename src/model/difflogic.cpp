/// difflogic: a network of logic gates with a GroupSum head, on the kernels of `logic`. No LibTorch here.
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/logic/anomaly.h"
#include "dltonic/model/gpu_model.h"
#include "model/batch.h"
#include "model/registry.h"

namespace dltonic::model {
namespace {

logic::LabelMix mix_of(const data::Batch& batch) { return {batch.second_labels, batch.label_share}; }

class GpuDiffLogic : public GpuModel {
 public:
  GpuDiffLogic(logic::Network<float>& host, const Recipe& recipe, const GpuPlan& plan, device::StreamHandle stream)
      : network_(host, recipe.options.network, recipe.optimizer, plan.precision, plan.most_samples, stream) {
    if (!plan.gradients.empty()) network_.collect_into(plan.gradients);
  }

  void forward_backward(const data::DeviceBatch& batch, double inverse_batch, bool add, device::StepSums* sums,
                        device::StreamHandle stream, const Hooks& hooks) override {
    logic::DeviceNetwork::Hooks own{hooks.forward_done, {}};
    if (hooks.bucket_done)
      own.layers_done = [&](int first, int end) { hooks.bucket_done(network_.collect(first, end, stream)); };
    network_.forward_backward(view(batch), inverse_batch, add, sums, stream, own);
  }
  std::span<float> gradients() const override { return network_.collected(); }
  void update(const device::StepClock* clock, device::StepSums* sums, bool reduced, device::StreamHandle stream) override {
    network_.update(clock, sums, reduced, stream);
  }
  void begin(const device::StepClock* clock, device::StreamHandle stream) override { network_.begin(clock, stream); }
  void logits(const data::DeviceBatch& batch, Reading reading, float* out, device::StreamHandle stream) override {
    if (reading == Reading::hard) {
      network_.hard_logits(view(batch), out, stream);
    } else {
      network_.logits(view(batch), out, stream);
    }
  }
  std::size_t reading_bytes() const override { return network_.reading_bytes(); }
  void from_host(device::StreamHandle stream) override { network_.upload(stream); }
  void to_host(std::int64_t steps, device::StreamHandle stream, std::span<const TensorView> state) override {
    network_.download(steps, stream, state);
  }
  std::string describe() const override { return network_.describe(); }

 private:
  static logic::DeviceNetwork::Batch view(const data::DeviceBatch& batch) {
    return {batch.bits,       static_cast<std::size_t>(batch.row_words()), batch.labels, batch.samples, batch.second_labels,
            batch.label_share};
  }
  logic::DeviceNetwork network_;
};

class DiffLogic : public Model {
 public:
  explicit DiffLogic(const Recipe& recipe)
      : recipe_(recipe),
        network_(recipe.options.network, static_cast<int>(recipe.shape.features()), recipe.classes, recipe.seed) {
    network_.set_loss(recipe.loss);
    const logic::NetworkSummary s = network_.summary();
    if (s.unused_inputs > 0)
      log::warn_once(cat("model.gates: ", with_commas(s.gates), " gates a layer read ", with_commas(2 * s.gates), " of ",
                         with_commas(s.features), " input bits, ", unused_share(s),
                         " are not used; model.gates=", (s.features + 1) / 2, " would read them all"));
  }

  StepResult forward_backward(const data::Batch& batch, const StepContext& context, std::span<float> gradients) override {
    check_batch(batch, recipe_.shape.features(), recipe_.classes, /*labelled=*/true);
    if (batch.size() == 0) return {};
    transpose(batch.bits, inputs_);
    const logic::BatchResult result =
        network_.forward_backward(inputs_, batch.labels, static_cast<float>(context.inverse_batch), gradients, mix_of(batch));
    return {result.loss_sum, result.correct};
  }

  std::size_t gradient_size() const override { return 4 * static_cast<std::size_t>(network_.total_gates()); }

  std::string find_anomaly(const data::Batch& batch, const StepContext& context, std::span<float> gradients) override {
    check_batch(batch, recipe_.shape.features(), recipe_.classes, /*labelled=*/true);
    transpose(batch.bits, inputs_);
    const auto found = logic::find_anomaly(network_, inputs_, batch.labels, static_cast<float>(context.inverse_batch),
                                           gradients, mix_of(batch));
    if (!found) return "";
    const std::string where = cat(found->where, ": ", found->what);
    return found->sample < 0 ? not_finite(where, found->value)
                             : not_finite(where, found->value, batch, static_cast<std::size_t>(found->sample));
  }
  std::string find_anomaly(std::span<const float> gradients) const override {
    const auto found = logic::find_anomaly(network_, gradients);
    return found ? not_finite(cat(found->where, ": ", found->what), found->value) : "";
  }
  std::unique_ptr<Model> another() const override { return make_difflogic(recipe_); }

  double update(std::span<const float> gradients, double learning_rate) override {
    return network_.update(gradients, recipe_.optimizer, learning_rate);
  }

  void logits(const data::Batch& batch, Reading reading, std::span<float> out) override {
    check_batch(batch, recipe_.shape.features(), recipe_.classes, /*labelled=*/false);
    if (batch.bits.rows() == 0) return;
    transpose(batch.bits, inputs_);
    if (reading == Reading::hard) {
      network_.hard_logits(inputs_, out);
    } else {
      network_.logits(inputs_, out);
    }
  }

  bool has_gates() const override { return true; }
  std::vector<TensorView> state() override { return network_.state(); }
  void state_loaded() override { network_.state_loaded(); }

  std::unique_ptr<GpuModel> on_gpu(const GpuPlan& plan, device::StreamHandle stream) override {
    return std::make_unique<GpuDiffLogic>(network_, recipe_, plan, stream);
  }

  std::string summary() const override {
    const logic::NetworkSummary s = network_.summary();
    const logic::NetworkOptions& o = recipe_.options.network;
    std::string text =
        cat("difflogic: ", with_commas(s.features), " bits -> ", s.layers, " x ", with_commas(s.gates), " gates -> ", s.classes,
            " classes of ", with_commas(s.gates / s.classes), " gates, tau ", s.tau, "\n");
    if (s.gates != o.gates)
      text += cat("  gates: ", with_commas(o.gates), " rounded up to ", with_commas(s.gates),
                  " in every layer, a multiple of the ", s.classes, " classes\n");
    text += cat("  wiring: ", o.wiring, ", ", s.chain_layers, " of ", s.layers, " layers walked in the backward pass\n");
    if (s.unused_inputs > 0)
      text += cat("  unused inputs: ", with_commas(s.unused_inputs), " of ", with_commas(s.features), " bits (",
                  unused_share(s), ")\n");
    text += cat("  gates in all: ", with_commas(s.total_gates), ", ", o.parametrization, ", ", o.init, " initialisation, ",
                o.estimator, " estimator\n");
    return text + cat("  ", with_commas(s.parameters), " parameters, ", human_bytes(gradient_size() * sizeof(float)),
                      " of gradients a step, ", human_bytes(s.state_bytes), " of state (", recipe_.optimizer.kind, ")");
  }

 private:
  static std::string unused_share(const logic::NetworkSummary& s) {
    return fixed(100.0 * static_cast<double>(s.unused_inputs) / s.features, 1) + " %";
  }

  Recipe recipe_;
  logic::Network<float> network_;
  BitMatrix inputs_;  ///< [feature][sample] of the batch at hand
};

}  // namespace

std::unique_ptr<Model> make_difflogic(const Recipe& recipe) { return std::make_unique<DiffLogic>(recipe); }

}  // namespace dltonic::model
