// NVML comes with the driver, its header does not come with every toolkit: the four calls that are needed are declared here as
// NVIDIA's NVML API reference has them (they are versioned and stay), and found in the library at run time.
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <type_traits>

#include "dltonic/device/device.h"

namespace dltonic::device {
namespace {

using NvmlDevice = struct NvmlDeviceState*;
struct Utilization {
  unsigned gpu, memory;  ///< percent
};
struct Memory {
  unsigned long long total, free, used;
};

struct Nvml {
  int (*init)() = nullptr;
  int (*by_bus)(const char*, NvmlDevice*) = nullptr;
  int (*utilization)(NvmlDevice, Utilization*) = nullptr;
  int (*memory)(NvmlDevice, Memory*) = nullptr;
  int (*power)(NvmlDevice, unsigned*) = nullptr;
  bool usable = false;

  Nvml() {
    void* const library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    const auto find = [&](const char* name, auto& function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      return function != nullptr;
    };
    usable = find("nvmlInit_v2", init) && find("nvmlDeviceGetHandleByPciBusId_v2", by_bus) &&
             find("nvmlDeviceGetUtilizationRates", utilization) && find("nvmlDeviceGetMemoryInfo", memory) &&
             find("nvmlDeviceGetPowerUsage", power) && init() == 0;
  }
};

}  // namespace

std::optional<GpuUse> gpu_use() {
  static const Nvml nvml;
  int gpu = 0;
  char bus[32] = {};
  NvmlDevice device = nullptr;
  if (!nvml.usable || cudaGetDevice(&gpu) != cudaSuccess || cudaDeviceGetPCIBusId(bus, sizeof bus, gpu) != cudaSuccess ||
      nvml.by_bus(bus, &device) != 0)
    return std::nullopt;
  Utilization utilization{};
  Memory memory{};
  unsigned milliwatts = 0;
  if (nvml.utilization(device, &utilization) != 0 || nvml.memory(device, &memory) != 0 || nvml.power(device, &milliwatts) != 0)
    return std::nullopt;
  return GpuUse{.busy = utilization.gpu / 100.0, .memory_bytes = static_cast<double>(memory.used), .power_w = milliwatts / 1e3};
}

}  // namespace dltonic::device
