/// The loss of logic/loss.h by LibTorch's own cross entropy.
#pragma once

#include <torch/types.h>

#include "dltonic/logic/loss.h"

namespace dltonic::model {

class TorchLoss {
 public:
  /// On the device where scores will be. ConfigError where there is not a weight for every class.
  TorchLoss(const logic::LossOptions& options, int classes, const c10::Device& device);
  /// [sample], of scores [sample][class] and labels int64 [sample]. `second` and `share` (float32 [sample]): of mixed samples;
  /// undefined: there are none.
  torch::Tensor operator()(const torch::Tensor& scores, const torch::Tensor& first, const torch::Tensor& second = {},
                           const torch::Tensor& share = {}) const;

 private:
  double label_smoothing_;
  torch::Tensor weights_;  ///< undefined: all 1
};

}  // namespace dltonic::model
