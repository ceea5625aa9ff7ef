/// Ranks on GPUs: which GPU a rank takes, and sums and exchanges that the GPUs make themselves (NCCL). Both are there in every
/// build; one without CUDA has no GPU to choose, one without NCCL has no reducer, and both say so.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "dltonic/comm/world.h"
#include "dltonic/device/device.h"
#include "dltonic/device/stream.h"

namespace dltonic::comm {

struct Gpu {
  int index = 0;  ///< of those that this process sees
  device::Info info;
  bool shared = false;  ///< two ranks of the job have one GPU; the same on every rank
};

/// Each rank takes the GPU of its host-local number, modulo those it sees, so that a launcher which shows each rank one GPU
/// is obeyed; from here on the calling thread uses it. Rank 0 says who has which. Two ranks on one GPU (same host, same
/// PCI address) are a ConfigError unless `share_gpu`; a rank that sees none is a DeviceError. Errors are agreed. collective
Gpu choose_gpu(World& world, bool share_gpu);

/// Adds device memory over ranks, in place, in stream order. NCCL's own order of additions: every rank gets the same bits,
/// and another number of ranks other ones. It also carries device memory from rank to rank.
///
/// The caller's duties: every rank enqueues the same sums and exchanges in the same order; graphs that hold one die before the
/// reducer (NCCL waits for them), the reducer before the World; its streams are idle when it dies, unless an error is on its
/// way up: then NCCL is left as it is, for main to end the process. Memory must outlive such an error too, since freeing it
/// waits for sums that never end: where ranks wait for each other on the GPU, an error that is not agreed ends the job
/// (World::abort) where it is caught first.
///
/// While it lives, the watchdog asks NCCL for asynchronous errors and ends the job where there is one. A sum that another
/// rank never joins is ended by the limit of the phase in which the host waits for it.
class GpuReducer {
 public:
  /// NCCL is started, tried out and later closed within `limit_s` each. One rank needs no NCCL. CommError. collective
  GpuReducer(World& world, const Gpu& gpu, double limit_s);
  ~GpuReducer();
  GpuReducer(const GpuReducer&) = delete;
  GpuReducer& operator=(const GpuReducer&) = delete;

  /// False where ranks share a GPU or some rank has no NCCL: sums then go through host memory (World::sum), by the
  /// caller. The same on every rank.
  bool available() const { return why_not_.empty(); }
  const std::string& why_not() const { return why_not_; }
  int size() const { return size_; }  ///< ranks

  /// Memory for sums, `floats` of it, as many on every rank; it lives as long as the reducer. Where NCCL (2.27 and later) and
  /// the links between the GPUs allow, it is registered as symmetric: sums in it then take less time. None with one rank.
  /// device::memory_use() does not count it. CommError. collective
  std::span<float> memory(std::size_t floats);

  /// Enqueued; can be captured into a graph. With one rank nothing happens. CommError. collective
  void all_reduce(float* values, std::size_t n, device::StreamHandle stream);
  void all_reduce(double* values, std::size_t n, device::StreamHandle stream);

  /// Device memory for every other rank and from it, in stream order. `out`: what goes to rank 0, then to rank 1, …, one
  /// behind the other; `out_bytes` [rank], 0 for this one; `in` alike: as many bytes as that rank sends here. CommError.
  /// collective
  void exchange(const void* out, std::span<const std::size_t> out_bytes, void* in, std::span<const std::size_t> in_bytes,
                device::StreamHandle stream);

  /// To be held while the host waits for a stream that has sums or exchanges in it: names `what` in the watchdog's line.
  [[nodiscard]] Operation waiting(const std::string& what = "an all-reduce on the GPUs") const;

 private:
  class Communicator;
  Communicator& communicator();

  World& world_;
  int size_;
  std::string why_not_;
  std::unique_ptr<Communicator> communicator_;  ///< none with one rank and where not available
};

/// "NCCL 2.28.9", or why there is none. Loads the library: it is no part of the program's start.
std::string nccl_version();

}  // namespace dltonic::comm
