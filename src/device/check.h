/// For CUDA sources of every module: calls and launches whose failure becomes a DeviceError.
#pragma once

#include <cuda_runtime_api.h>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::device {

inline void check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  throw DeviceError(cat(what, " failed: ", cudaGetErrorString(code), " (", cudaGetErrorName(code), ")"));
}

/// After a launch: the launch itself was possible. What the kernel does wrong shows in a later call.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace dltonic::device
