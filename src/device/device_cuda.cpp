#include <cuda_runtime_api.h>

#include <atomic>

#include "device/check.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/device.h"

namespace dltonic::device {
namespace {

std::atomic<std::size_t> bytes_now = 0, bytes_peak = 0;

void add_bytes(std::size_t bytes) {
  const std::size_t now = bytes_now += bytes;
  std::size_t peak = bytes_peak;
  while (now > peak && !bytes_peak.compare_exchange_weak(peak, now)) {
  }
}

struct Found {
  int count = 0;
  std::string why_none;
};
Found look() {
  Found found;
  const cudaError_t code = cudaGetDeviceCount(&found.count);
  if (code != cudaSuccess) {
    cudaGetLastError();  // not sticky: the next call must not report it again
    found.count = 0;
    found.why_none = cudaGetErrorString(code);
  } else if (found.count == 0) {
    found.why_none = "no GPU is visible (CUDA_VISIBLE_DEVICES?)";
  }
  return found;
}
const Found& found() {
  static const Found once = look();
  return once;
}

}  // namespace

int count() { return found().count; }
std::string why_none() { return found().why_none; }

Info info(int gpu) {
  cudaDeviceProp p;
  check(cudaGetDeviceProperties(&p, gpu), "cudaGetDeviceProperties");
  char bus[32] = {};
  check(cudaDeviceGetPCIBusId(bus, sizeof bus, gpu), "cudaDeviceGetPCIBusId");
  return {.name = p.name,
          .bus = bus,
          .memory_bytes = p.totalGlobalMem,
          .l2_bytes = static_cast<std::size_t>(p.l2CacheSize),
          .multiprocessors = p.multiProcessorCount,
          .major = p.major,
          .minor = p.minor};
}

std::string versions() {
  int runtime = 0, driver = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  const auto text = [](int v) { return cat(v / 1000, ".", v % 1000 / 10); };
  return cat("CUDA ", text(runtime), driver > 0 ? cat(" (driver ", text(driver), ")") : std::string(" (no driver)"));
}

int in_use() {
  int gpu = 0;
  check(cudaGetDevice(&gpu), "cudaGetDevice");
  return gpu;
}
void use(int gpu) { check(cudaSetDevice(gpu), "cudaSetDevice"); }

MemoryUse memory_use() { return {bytes_now, bytes_peak}; }
void reset_peak() { bytes_peak = bytes_now.load(); }
std::size_t free_bytes() {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free;
}

void* allocate(std::size_t bytes, Place place) {
  void* memory = nullptr;
  const cudaError_t code = place == Place::gpu ? cudaMalloc(&memory, bytes) : cudaMallocHost(&memory, bytes);
  if (code == cudaErrorMemoryAllocation && place == Place::gpu) {
    cudaGetLastError();
    throw DeviceError(
        cat("the GPU has no room for another ", human_bytes(bytes), ": this process holds ", human_bytes(bytes_now), ", ",
            human_bytes(free_bytes()),
            " are free; lower train.micro_batch_size or model.gates, or set data.residency=stream, or train.device=cpu"));
  }
  if (code == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw DeviceError(cat("the host has no room for ", human_bytes(bytes),
                          " of pinned memory; lower train.batch_size, or set data.residency=shard"));
  }
  check(code, place == Place::gpu ? "cudaMalloc" : "cudaMallocHost");
  if (place == Place::gpu) add_bytes(bytes);
  return memory;
}
void release(void* memory, std::size_t bytes, Place place) noexcept {
  if (memory == nullptr) return;
  if (place == Place::gpu) {
    cudaFree(memory);
    bytes_now -= bytes;
  } else {
    cudaFreeHost(memory);
  }
}

void copy(void* to, const void* from, std::size_t bytes, StreamHandle stream) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "cudaMemcpyAsync");
}
void fill_zero(void* memory, std::size_t bytes, StreamHandle stream) {
  if (bytes > 0) check(cudaMemsetAsync(memory, 0, bytes, stream), "cudaMemsetAsync");
}
void synchronize(StreamHandle stream) { check(cudaStreamSynchronize(stream), "waiting for the GPU"); }

}  // namespace dltonic::device
