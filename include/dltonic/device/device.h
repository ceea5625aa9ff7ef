/// The GPUs of this machine. A build without CUDA, and a machine without a driver, have none: count() is 0 there and
/// everything that needs one throws DeviceError.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace dltonic::device {

/// GPUs that this process can use. Never throws.
int count();
/// Why count() is 0, in words; empty where it is not.
std::string why_none();

struct Info {
  std::string name;  ///< "NVIDIA H100 80GB HBM3"
  std::string bus;   ///< PCI address: the same GPU has the same one in every process of a host
  std::size_t memory_bytes = 0, l2_bytes = 0;
  int multiprocessors = 0;
  int major = 0, minor = 0;  ///< compute capability
};
Info info(int gpu);
/// "CUDA 13.0 (driver 13.0)"; empty in a build without CUDA.
std::string versions();

/// What the calling thread allocates and launches from now on belongs to this GPU.
void use(int gpu);
int in_use();  ///< the calling thread's

/// Bytes of all live buffers of this process (buffer.h), now and at most since reset_peak(). Without the context and what
/// libraries allocate for themselves.
struct MemoryUse {
  std::size_t now = 0, peak = 0;
};
MemoryUse memory_use();
void reset_peak();
/// What the driver tells of the GPU in use, other processes included; nothing where there is no NVML.
struct GpuUse {
  double busy = 0;          ///< share of the last second or less in which a kernel ran
  double memory_bytes = 0;  ///< in use
  double power_w = 0;
};
std::optional<GpuUse> gpu_use();
/// Bytes that the GPU in use has left, whoever holds the rest.
std::size_t free_bytes();

}  // namespace dltonic::device
