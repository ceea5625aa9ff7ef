/// All of a LibTorch model but its layers: input, loss, flat gradients, the optimiser, state, summary.
/// A kind of model hands over a Sequential and is done (mlp.cpp, cnn.cpp).
///
/// Torch headers are slow to compile: this one is included by the sources of LibTorch models only.
#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>

#include "model/registry.h"
#include "model/torch_loss.h"

namespace dltonic::model {

class TorchModel : public Model {
 public:
  /// `layers` takes [sample][channel][y][x] floats (0 or 1) and gives class scores [sample][class]. Its names become those
  /// of the state ("hidden0/weight"). Its parameters are drawn anew here, each from U(-1/sqrt(fan_in), 1/sqrt(fan_in)) as
  /// LibTorch's own layers do by default (He et al. 2015 with a = sqrt(5)), but from the project's counter-based numbers:
  /// a function of (seed, parameter, element) alone.
  TorchModel(const Recipe& recipe, torch::nn::Sequential layers);

  StepResult forward_backward(const data::Batch& batch, const StepContext& context, std::span<float> gradients) override;
  std::size_t gradient_size() const override { return gradient_size_; }
  std::string find_anomaly(const data::Batch& batch, const StepContext& context, std::span<float> gradients) override;
  std::string find_anomaly(std::span<const float> gradients) const override;
  std::unique_ptr<Model> another() const override;
  double update(std::span<const float> gradients, double learning_rate) override;
  void logits(const data::Batch& batch, Reading reading, std::span<float> out) override;

  /// "<layer>/weight", "<layer>/bias"; for each of them "/moment1", "/moment2" and "/updates" (adam, adamw), or "/moment1"
  /// (sgd with momentum).
  std::vector<TensorView> state() override { return views(); }
  std::unique_ptr<GpuModel> on_gpu(const GpuPlan& plan, device::StreamHandle stream) override;
  std::string summary() const override;

 private:
  struct Parameter {
    std::string name;
    torch::Tensor value;
    std::size_t offset;  ///< of its gradient in the flat buffer
  };
  torch::Tensor input(const data::Batch& batch);
  torch::Tensor losses(const torch::Tensor& scores, const data::Batch& batch) const;  ///< [sample]
  void add_gradients(const std::vector<torch::Tensor>& parts, std::span<float> gradients) const;
  std::vector<TensorView> views() const;

  Recipe recipe_;
  TorchLoss loss_;
  torch::nn::Sequential layers_;
  std::vector<Parameter> parameters_;
  std::size_t gradient_size_ = 0;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  torch::Tensor input_;  ///< used again from batch to batch: autograd is done with it when a call returns
};

}  // namespace dltonic::model
