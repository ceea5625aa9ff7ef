/// One NCCL communicator over all ranks; private to comm. no_nccl.cpp stands for it in builds without NCCL.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "dltonic/comm/world.h"
#include "dltonic/device/stream.h"

namespace dltonic::comm {

/// Why this process has no NCCL; "" where it has.
std::string nccl_missing();

class Nccl {
 public:
  /// On the GPU in use. CommError. collective
  Nccl(World& world, double limit_s);
  /// Closes within the limit; does nothing while an exception is on its way up.
  ~Nccl();
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  /// As GpuReducer::memory.
  void* memory(std::size_t bytes);
  void sum(float* values, std::size_t n, device::StreamHandle stream);
  void sum(double* values, std::size_t n, device::StreamHandle stream);
  /// As GpuReducer::exchange.
  void exchange(const void* out, std::span<const std::size_t> out_bytes, void* in, std::span<const std::size_t> in_bytes,
                device::StreamHandle stream);
  /// An asynchronous error, "" where there is none. From any thread, never waits.
  std::string failure() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::comm
