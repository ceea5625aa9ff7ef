// A build without CUDA: there is no GPU to put a model on, and whoever tries is told.
#include "dltonic/core/error.h"
#include "model/torch_cuda.h"
#include "model/torch_gpu_model.h"

namespace dltonic::model {

const std::string& open_torch_cuda() {
  static const std::string none = "this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU";
  return none;
}

std::unique_ptr<GpuModel> make_torch_gpu_model(const Recipe&, const torch::nn::Sequential&, const std::vector<TensorView>&,
                                               const GpuPlan&, device::StreamHandle) {
  throw DeviceError(open_torch_cuda());
}

}  // namespace dltonic::model
