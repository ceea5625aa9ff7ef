#include "model/torch_cuda.h"

#include <ATen/Context.h>
#include <dlfcn.h>

#include <climits>
#include <cstdlib>

#include "dltonic/core/text.h"
#include "dltonic/device/device.h"

namespace dltonic::model {
namespace {

/// The folder of the libtorch_cpu.so that this process runs with.
std::string folder_of_torch() {
  char folder[PATH_MAX] = {};
  void* handle = ::dlopen("libtorch_cpu.so", RTLD_NOLOAD | RTLD_LAZY);
  if (handle == nullptr || ::dlinfo(handle, RTLD_DI_ORIGIN, folder) != 0) return {};
  return std::string(folder) + "/";
}

std::string open() {
  if (device::count() == 0) return device::why_none();
  // What cuBLAS needs to repeat bit for bit: workspaces of its own a stream. It looks when it is first used.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  const std::string library = folder_of_torch() + "libtorch_cuda.so";
  if (::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    const char* why = ::dlerror();
    return cat("LibTorch's CUDA libraries cannot be opened (", why != nullptr ? why : library,
               "); jobs/setup.sh --gpu installs them");
  }
  if (!at::globalContext().hasCUDA())
    return cat("LibTorch's CUDA libraries are there, but see no GPU; is the driver as new as ", device::versions(), "?");
  at::Context& torch = at::globalContext();
  torch.lazyInitDevice(at::kCUDA);
  // float32 means float32: not TF32 in convolutions (LibTorch's default), nor sums of bfloat16 products in bfloat16.
  torch.setAllowTF32CuDNN(false);
  torch.setAllowTF32CuBLAS(false);
  torch.setAllowBF16ReductionCuBLAS(false);
  return {};
}

}  // namespace

const std::string& open_torch_cuda() {
  static const std::string in_the_way = open();
  return in_the_way;
}

}  // namespace dltonic::model
