#include "model/torch_model.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <omp.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"
#include "model/batch.h"
#include "model/torch_cuda.h"
#include "model/torch_gpu_model.h"

namespace dltonic::model {
namespace {

/// LibTorch's settings of the process: as many threads as the rest of the program uses (left alone, it would set OpenMP's
/// number to that of its own choice), and only operations that repeat bit for bit.
void set_up_torch() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (device::count() > 0) open_torch_cuda();
    at::set_num_threads(omp_get_max_threads());
    at::globalContext().setDeterministicAlgorithms(/*on=*/true, /*warn_only=*/false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);  // every buffer here is written before it is read
  });
}

std::size_t elements(const torch::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }

/// Adam's state as LibTorch makes it in the first step; made now, so that views of it exist before that.
template <class State>
void make_adam_state(torch::optim::Optimizer& optimizer, const torch::Tensor& parameter) {
  auto state = std::make_unique<State>();
  state->step(0);
  state->exp_avg(torch::zeros_like(parameter));
  state->exp_avg_sq(torch::zeros_like(parameter));
  optimizer.state()[parameter.unsafeGetTensorImpl()] = std::move(state);
}

template <class Options>
Options adam_options(const logic::OptimizerOptions& o) {
  return Options(o.learning_rate).betas({o.beta1, o.beta2}).eps(o.epsilon).weight_decay(o.weight_decay);
}

/// The optimiser and its whole state, at zero. From that state its steps are those it would make from none: Adam begins
/// there itself, and SGD's first momentum, the gradient, is momentum × 0 + gradient.
std::unique_ptr<torch::optim::Optimizer> make_optimizer(const logic::OptimizerOptions& o,
                                                        const std::vector<torch::Tensor>& parameters) {
  namespace optim = torch::optim;
  const torch::NoGradGuard no_grad;
  if (o.kind == "adam") {
    auto adam = std::make_unique<optim::Adam>(parameters, adam_options<optim::AdamOptions>(o));
    for (const auto& p : parameters) make_adam_state<optim::AdamParamState>(*adam, p);
    return adam;
  }
  if (o.kind == "adamw") {
    auto adamw = std::make_unique<optim::AdamW>(parameters, adam_options<optim::AdamWOptions>(o));
    for (const auto& p : parameters) make_adam_state<optim::AdamWParamState>(*adamw, p);
    return adamw;
  }
  if (o.kind == "sgd") {
    auto sgd = std::make_unique<optim::SGD>(
        parameters, optim::SGDOptions(o.learning_rate).momentum(o.momentum).weight_decay(o.weight_decay));
    for (const auto& p : parameters) {
      if (o.momentum == 0) break;
      auto state = std::make_unique<optim::SGDParamState>();
      state->momentum_buffer(torch::zeros_like(p));
      sgd->state()[p.unsafeGetTensorImpl()] = std::move(state);
    }
    return sgd;
  }
  throw ConfigError(cat("train.optimizer: there is no optimizer '", o.kind, "'. Known: adam, adamw, sgd"));
}

TensorView view_of(const std::string& name, const torch::Tensor& tensor) {
  return {name, DType::f32, {tensor.sizes().begin(), tensor.sizes().end()}, tensor.data_ptr<float>()};
}

template <class State>
void add_adam_views(std::vector<TensorView>& views, const std::string& name, torch::optim::OptimizerParamState& state) {
  auto& adam = static_cast<State&>(state);
  static_assert(sizeof(adam.step()) == sizeof(std::int64_t));
  views.push_back(view_of(name + "_moment1", adam.exp_avg()));
  views.push_back(view_of(name + "_moment2", adam.exp_avg_sq()));
  views.push_back({name + "_updates", DType::i64, {1}, &adam.step()});
}

void require_size(const char* what, std::size_t given, std::size_t needed) {
  if (given != needed) throw std::invalid_argument(cat(what, " has room for ", given, " floats, but the model needs ", needed));
}

}  // namespace

TorchModel::TorchModel(const Recipe& recipe, torch::nn::Sequential layers) : recipe_(recipe), layers_(std::move(layers)) {
  set_up_torch();
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> values;
  double bound = 0;
  for (const auto& item : layers_->named_parameters()) {
    const torch::Tensor& value = item.value();
    // A bias follows its weight and has the weight's bound.
    if (value.dim() > 1) bound = 1 / std::sqrt(static_cast<double>(value.numel() / value.size(0)));
    Random random(recipe_.seed, Use::init, static_cast<std::uint32_t>(parameters_.size()));
    const std::span<float> to(value.data_ptr<float>(), elements(value));
    for (float& x : to) x = static_cast<float>(bound * (2.0 * random.uniform() - 1.0));

    std::string name = item.key();
    std::replace(name.begin(), name.end(), '.', '/');
    value.mutable_grad() = torch::zeros_like(value);
    parameters_.push_back({std::move(name), value, gradient_size_});
    values.push_back(value);
    gradient_size_ += elements(value);
  }
  optimizer_ = make_optimizer(recipe_.optimizer, values);
}

torch::Tensor TorchModel::input(const data::Batch& batch) {
  const auto samples = static_cast<std::int64_t>(batch.bits.rows());
  const data::FrameShape& s = recipe_.shape;
  if (!input_.defined() || input_.size(0) != samples) input_ = torch::empty({samples, s.channels, s.height, s.width});
  unpack(batch.bits, {input_.data_ptr<float>(), elements(input_)});
  return input_;
}

StepResult TorchModel::forward_backward(const data::Batch& batch, const StepContext& context, std::span<float> gradients) {
  check_batch(batch, recipe_.shape.features(), recipe_.classes, /*labelled=*/true);
  require_size("the gradient buffer", gradients.size(), gradient_size_);
  if (batch.size() == 0) return {};

  const std::vector<std::int64_t> classes(batch.labels.begin(), batch.labels.end());
  const torch::Tensor target = torch::tensor(classes, torch::kInt64);
  const torch::Tensor scores = layers_->forward(input(batch));
  const torch::Tensor losses = torch::nn::functional::cross_entropy(
      scores, target, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone));

  std::vector<torch::Tensor> values;
  for (const Parameter& p : parameters_) values.push_back(p.value);
  const std::vector<torch::Tensor> parts = torch::autograd::grad({losses.sum() * context.inverse_batch}, values);

  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parts.size(); ++i)
    torch::from_blob(gradients.data() + parameters_[i].offset, parts[i].sizes()).add_(parts[i]);
  return {losses.to(torch::kFloat64).sum().item<double>(), scores.argmax(1).eq(target).sum().item<std::int64_t>()};
}

double TorchModel::update(std::span<const float> gradients, double learning_rate) {
  require_size("the gradient buffer", gradients.size(), gradient_size_);
  for (const Parameter& p : parameters_)
    std::copy_n(gradients.data() + p.offset, elements(p.value), p.value.mutable_grad().data_ptr<float>());
  const logic::OptimizerOptions& o = recipe_.optimizer;
  double norm = 0;
  if (o.clip_value > 0) torch::nn::utils::clip_grad_value_(layers_->parameters(), o.clip_value);
  if (o.clip_norm > 0) norm = torch::nn::utils::clip_grad_norm_(layers_->parameters(), o.clip_norm);
  if (!std::isfinite(norm)) return norm;
  for (auto& group : optimizer_->param_groups()) group.options().set_lr(learning_rate);
  optimizer_->step();
  return norm;
}

void TorchModel::logits(const data::Batch& batch, Reading /*reading*/, std::span<float> out) {
  check_batch(batch, recipe_.shape.features(), recipe_.classes, /*labelled=*/false);
  require_size("the buffer of class scores", out.size(), batch.bits.rows() * static_cast<std::size_t>(recipe_.classes));
  if (batch.bits.rows() == 0) return;
  const torch::NoGradGuard no_grad;
  const torch::Tensor scores = layers_->forward(input(batch)).contiguous();
  std::copy_n(scores.data_ptr<float>(), out.size(), out.data());
}

std::unique_ptr<GpuModel> TorchModel::on_gpu(const GpuPlan& plan, device::StreamHandle stream) {
  return make_torch_gpu_model(recipe_, layers_, views(), plan, stream);
}

std::vector<TensorView> TorchModel::views() const {
  namespace optim = torch::optim;
  std::vector<TensorView> views;
  for (const Parameter& p : parameters_) {
    views.push_back(view_of(p.name, p.value));
    const auto found = optimizer_->state().find(p.value.unsafeGetTensorImpl());
    if (found == optimizer_->state().end()) continue;
    if (recipe_.optimizer.kind == "adam") add_adam_views<optim::AdamParamState>(views, p.name, *found->second);
    if (recipe_.optimizer.kind == "adamw") add_adam_views<optim::AdamWParamState>(views, p.name, *found->second);
    if (recipe_.optimizer.kind == "sgd")
      views.push_back(view_of(p.name + "_moment1", static_cast<optim::SGDParamState&>(*found->second).momentum_buffer()));
  }
  return views;
}

std::string TorchModel::summary() const {
  const data::FrameShape& s = recipe_.shape;
  std::string text =
      cat(recipe_.options.kind, ": ", s.channels, " x ", s.height, " x ", s.width, " bits -> ", recipe_.classes, " classes\n");
  for (const auto& child : layers_->named_children()) {
    std::size_t count = 0;
    for (const auto& value : child.value()->parameters()) count += elements(value);
    if (count == 0) continue;
    std::string sizes;
    for (const auto extent : child.value()->named_parameters()["weight"].sizes())
      sizes += cat(sizes.empty() ? "" : " x ", extent);
    text += cat("  ", child.key(), ": weights ", sizes, ", ", with_commas(count), " parameters\n");
  }
  std::uint64_t bytes = 0;
  for (const TensorView& view : views()) bytes += view.bytes();
  return text + cat("  ", with_commas(gradient_size_), " parameters, ", human_bytes(gradient_size_ * sizeof(float)),
                    " of gradients a step, ", human_bytes(bytes), " of state (", recipe_.optimizer.kind, ")");
}

}  // namespace dltonic::model
