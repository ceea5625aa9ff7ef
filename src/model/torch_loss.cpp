#include "model/torch_loss.h"

#include <torch/nn/functional/loss.h>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::model {

TorchLoss::TorchLoss(const logic::LossOptions& options, int classes, const c10::Device& device)
    : label_smoothing_(options.label_smoothing) {
  if (options.class_weights.empty()) return;
  if (options.class_weights.size() != static_cast<std::size_t>(classes))
    throw ConfigError(cat("the loss has weights of ", options.class_weights.size(), " classes, but the model has ", classes));
  weights_ = torch::tensor(at::ArrayRef<float>(options.class_weights)).to(device);
}

torch::Tensor TorchLoss::operator()(const torch::Tensor& scores, const torch::Tensor& first, const torch::Tensor& second,
                                    const torch::Tensor& share) const {
  auto options = torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone).label_smoothing(label_smoothing_);
  if (weights_.defined()) options.weight(weights_);
  const torch::Tensor of_first = torch::nn::functional::cross_entropy(scores, first, options);
  if (!second.defined()) return of_first;
  return share * of_first + (1 - share) * torch::nn::functional::cross_entropy(scores, second, options);
}

}  // namespace dltonic::model
