#include "model/torch_model.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <omp.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
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

torch::Tensor as_tensor(const std::vector<std::uint16_t>& labels) {
  return torch::tensor(std::vector<std::int64_t>(labels.begin(), labels.end()), torch::kInt64);
}

/// Position of the first element that is not finite, counted in row-major order, or none.
std::optional<std::size_t> first_not_finite(const torch::Tensor& tensor) {
  const torch::Tensor bad = tensor.detach().isfinite().logical_not_().flatten();
  if (!bad.any().item<bool>()) return std::nullopt;
  return static_cast<std::size_t>(bad.to(torch::kUInt8).argmax().item<std::int64_t>());
}
double value_at(const torch::Tensor& tensor, std::size_t at) {
  return tensor.detach().flatten()[static_cast<std::int64_t>(at)].item<double>();
}
/// "hidden0/weight[3, 17]".
std::string element(const std::string& name, const torch::Tensor& tensor, std::size_t at) {
  std::string text;
  for (std::int64_t d = tensor.dim(); d-- > 0;) {
    const auto extent = static_cast<std::size_t>(tensor.size(d));
    text = cat(at % extent, text.empty() ? "" : ", ", text);
    at /= extent;
  }
  return cat(name, "[", text, "]");
}

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

TorchModel::TorchModel(const Recipe& recipe, torch::nn::Sequential layers)
    : recipe_(recipe), loss_(recipe.loss, recipe.classes, c10::kCPU), layers_(std::move(layers)) {
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
  unpack(batch.bits, s.depth, {input_.data_ptr<float>(), elements(input_)});
  return input_;
}

torch::Tensor TorchModel::losses(const torch::Tensor& scores, const data::Batch& batch) const {
  if (batch.second_labels.empty()) return loss_(scores, as_tensor(batch.labels));
  return loss_(scores, as_tensor(batch.labels), as_tensor(batch.second_labels),
               torch::tensor(at::ArrayRef<float>(batch.label_share)));
}

StepResult TorchModel::forward_backward(const data::Batch& batch, const StepContext& context, std::span<float> gradients) {
  check_batch(batch, recipe_.shape.row_bits(), recipe_.classes, /*labelled=*/true);
  require_size("the gradient buffer", gradients.size(), gradient_size_);
  if (batch.size() == 0) return {};

  const torch::Tensor scores = layers_->forward(input(batch));
  const torch::Tensor of_samples = losses(scores, batch);

  std::vector<torch::Tensor> values;
  for (const Parameter& p : parameters_) values.push_back(p.value);
  const std::vector<torch::Tensor> parts = torch::autograd::grad({of_samples.sum() * context.inverse_batch}, values);

  const torch::NoGradGuard no_grad;
  add_gradients(parts, gradients);
  return {of_samples.to(torch::kFloat64).sum().item<double>(),
          scores.argmax(1).eq(as_tensor(batch.labels)).sum().item<std::int64_t>()};
}

void TorchModel::add_gradients(const std::vector<torch::Tensor>& parts, std::span<float> gradients) const {
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    torch::from_blob(gradients.data() + parameters_[i].offset, parts[i].sizes()).add_(parts[i]);
}

std::string TorchModel::find_anomaly(const data::Batch& batch, const StepContext& context, std::span<float> gradients) {
  check_batch(batch, recipe_.shape.row_bits(), recipe_.classes, /*labelled=*/true);
  require_size("the gradient buffer", gradients.size(), gradient_size_);
  for (const Parameter& p : parameters_) {
    if (const auto at = first_not_finite(p.value))
      return not_finite(cat("parameters: ", element(p.name, p.value, *at)), value_at(p.value, *at));
  }
  const auto of_sample = [&](const std::string& what, const torch::Tensor& rows, std::size_t at) {
    const std::size_t width = elements(rows) / static_cast<std::size_t>(rows.size(0));
    return not_finite(cat(what, " ", at % width), value_at(rows, at), batch, at / width);
  };

  const auto children = layers_->named_children();
  std::vector<torch::Tensor> outputs;
  torch::Tensor x = input(batch);
  for (torch::nn::AnyModule& layer : *layers_) {
    x = layer.forward(x);
    const std::string& name = children[outputs.size()].key();
    outputs.push_back(x);
    if (const auto at = first_not_finite(x)) return of_sample(cat("forward of ", name, ": output"), x, *at);
  }
  const torch::Tensor of_samples = losses(x, batch);
  if (const auto at = first_not_finite(of_samples))
    return not_finite("loss: cross entropy", value_at(of_samples, *at), batch, *at);

  // Gradients of the layers' outputs, where they have one (flattened input has none), and behind them the parameters'.
  std::vector<torch::Tensor> wanted;
  for (const torch::Tensor& output : outputs) {
    if (output.requires_grad()) wanted.push_back(output);
  }
  const std::size_t without = outputs.size() - wanted.size(), with = wanted.size();
  for (const Parameter& p : parameters_) wanted.push_back(p.value);
  const std::vector<torch::Tensor> found = torch::autograd::grad({of_samples.sum() * context.inverse_batch}, wanted);
  const torch::NoGradGuard no_grad;
  add_gradients({found.begin() + static_cast<std::ptrdiff_t>(with), found.end()}, gradients);
  for (std::size_t layer = outputs.size(); layer-- > without;) {
    const std::string& name = children[layer].key();
    const torch::Tensor& of_output = found[layer - without];
    if (const auto at = first_not_finite(of_output))
      return of_sample(cat("backward of ", name, ": gradient of output"), of_output, *at);
    for (const Parameter& p : parameters_) {
      if (!p.name.starts_with(name + "/")) continue;
      const torch::Tensor sum = torch::from_blob(gradients.data() + p.offset, p.value.sizes());
      if (const auto at = first_not_finite(sum))
        return not_finite(cat("backward of ", name, ": gradient of ", element(p.name, sum, *at)), value_at(sum, *at));
    }
  }
  return "";
}

std::string TorchModel::find_anomaly(std::span<const float> gradients) const {
  require_size("the gradient buffer", gradients.size(), gradient_size_);
  const torch::NoGradGuard no_grad;
  const torch::Tensor all =
      torch::from_blob(const_cast<float*>(gradients.data()), {static_cast<std::int64_t>(gradients.size())});
  const auto name = [&](std::size_t at) {
    const auto behind = std::find_if(parameters_.begin(), parameters_.end(), [&](const Parameter& p) { return p.offset > at; });
    const Parameter& p = *std::prev(behind);
    return element(p.name, p.value, at - p.offset);
  };
  if (const auto at = first_not_finite(all)) return not_finite(cat("gradient of ", name(*at)), value_at(all, *at));
  const double norm = recipe_.optimizer.clip_norm > 0 ? all.norm().item<double>() : 0;
  if (std::isfinite(norm)) return "";
  const auto largest = static_cast<std::size_t>(all.abs().argmax().item<std::int64_t>());
  return not_finite(cat("the norm of finite gradients, the largest ", value_at(all, largest), " of ", name(largest), ","),
                    norm);
}

std::unique_ptr<Model> TorchModel::another() const {
  return make_model(recipe_.options, recipe_.shape, recipe_.classes, recipe_.seed, recipe_.optimizer, recipe_.loss);
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
  check_batch(batch, recipe_.shape.row_bits(), recipe_.classes, /*labelled=*/false);
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
  std::string text = cat(recipe_.options.kind, ": ", s.channels, " x ", s.height, " x ", s.width,
                         s.depth == 1 ? " bits -> " : " numbers -> ", recipe_.classes, " classes\n");
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
