/// A LibTorch model's twin on a GPU: its layers once more, with parameters, gradients and moments in flat buffers of ours.
#pragma once

#include <torch/nn/modules/container/sequential.h>

#include <memory>
#include <vector>

#include "dltonic/model/gpu_model.h"
#include "model/registry.h"

namespace dltonic::model {

/// `state`: TorchModel::state(), whose order of parameters is that of `layers`; it is read and written until the twin's end.
/// ConfigError where LibTorch's CUDA libraries are not there, DeviceError.
std::unique_ptr<GpuModel> make_torch_gpu_model(const Recipe& recipe, const torch::nn::Sequential& layers,
                                               const std::vector<TensorView>& state, const GpuPlan& plan,
                                               device::StreamHandle stream);

}  // namespace dltonic::model
