#include "dltonic/comm/gpu.h"

#include "comm/gpu_map.h"
#include "comm/nccl.h"
#include "comm/world_impl.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/device/buffer.h"

namespace dltonic::comm {

Gpu choose_gpu(World& world, bool share_gpu) {
  Gpu gpu;
  world.agree("choose a GPU", [&] {
    if (device::count() == 0)
      throw DeviceError(cat("host ", world.host(), " shows this rank no GPU: ", device::why_none(),
                            "; train.device=cpu, or auto, computes on CPU cores"));
    gpu.index = world.local_rank() % device::count();
    gpu.info = device::info(gpu.index);
  });
  const GpuMap map{world.gather(cat(world.impl().host_root, ' ', gpu.info.bus)),
                   world.gather(cat("host ", world.host(), ", GPU ", gpu.index, ", ", gpu.info.name, ", ",
                                    human_bytes(gpu.info.memory_bytes), ", ", gpu.info.bus))};
  const std::string shared = first_shared(map);
  gpu.shared = !shared.empty();
  if (gpu.shared && !share_gpu) {
    ConfigError error(cat(shared,
                          ": start at most as many ranks on a host as it has GPUs, or set distributed.share_gpu=true "
                          "(slow: sums then go through host memory)"));
    error.set_agreed();  // all ranks see one map
    throw error;
  }
  for (std::size_t rank = 0; rank < map.places.size(); ++rank) log::info(cat("rank ", rank, ": ", map.places[rank]));
  world.agree("use the GPU", [&] { device::use(gpu.index); });
  return gpu;
}

/// NCCL's communicator, watched.
class GpuReducer::Communicator {
 public:
  Communicator(World& world, double limit_s) : world_(world), nccl_(world, limit_s), watchdog_(*world.impl().watchdog) {
    probe_ = watchdog_.add_probe([this] { return nccl_.failure(); });
  }
  ~Communicator() { watchdog_.remove_probe(probe_); }

  template <class T>
  void sum(T* values, std::size_t n, device::StreamHandle stream) {
    const Operation operation(world_.impl(), cat("an all-reduce of ", with_commas(n), " values on the GPUs"));
    nccl_.sum(values, n, stream);
  }

  std::span<float> memory(std::size_t floats) {
    const Operation operation(world_.impl(), "the registration of GPU memory");
    return {static_cast<float*>(nccl_.memory(floats * sizeof(float))), floats};
  }

  void exchange(const void* out, std::span<const std::size_t> out_bytes, void* in, std::span<const std::size_t> in_bytes,
                device::StreamHandle stream) {
    const Operation operation(world_.impl(), "an exchange between the GPUs");
    nccl_.exchange(out, out_bytes, in, in_bytes, stream);
  }

  /// A wrong setting shows here, not in the middle of a training. The short and the long sum take different ways.
  void try_out() {
    const device::Stream stream;
    for (const std::size_t n : {std::size_t{1}, std::size_t{1} << 20}) {
      const auto values = device::uploaded(std::vector<float>(n, 1.0F), stream);
      sum(values.data(), n, stream);
      const Operation operation(world_.impl(), "NCCL's first sums");
      const auto ranks = static_cast<float>(world_.size());
      for (const float value : device::downloaded(values.data(), n, stream)) {
        if (value != ranks) throw CommError(cat("NCCL adds up ones of ", world_.size(), " ranks to ", value));
      }
    }
  }

 private:
  World& world_;
  Nccl nccl_;
  Watchdog& watchdog_;
  std::uint64_t probe_ = 0;
};

GpuReducer::GpuReducer(World& world, const Gpu& gpu, double limit_s) : world_(world), size_(world.size()) {
  if (size_ == 1) return;
  if (gpu.shared) {
    why_not_ = "ranks share a GPU, which NCCL refuses";
    return;
  }
  const auto missing = world.gather(nccl_missing());
  for (std::size_t rank = 0; rank < missing.size() && why_not_.empty(); ++rank) {
    if (!missing[rank].empty()) why_not_ = cat("rank ", rank, ": ", missing[rank]);
  }
  if (!available()) return;
  const Phase phase = world.phase("starting NCCL", limit_s);
  communicator_ = std::make_unique<Communicator>(world, limit_s);
  communicator_->try_out();
}
GpuReducer::~GpuReducer() = default;

GpuReducer::Communicator& GpuReducer::communicator() {
  if (!communicator_) throw CommError(cat("the GPUs cannot add up over ranks: ", why_not_));
  return *communicator_;
}

std::span<float> GpuReducer::memory(std::size_t floats) {
  return size_ > 1 ? communicator().memory(floats) : std::span<float>();
}

void GpuReducer::all_reduce(float* values, std::size_t n, device::StreamHandle stream) {
  if (size_ > 1 && n > 0) communicator().sum(values, n, stream);
}
void GpuReducer::all_reduce(double* values, std::size_t n, device::StreamHandle stream) {
  if (size_ > 1 && n > 0) communicator().sum(values, n, stream);
}

void GpuReducer::exchange(const void* out, std::span<const std::size_t> out_bytes, void* in,
                          std::span<const std::size_t> in_bytes, device::StreamHandle stream) {
  if (size_ > 1) communicator().exchange(out, out_bytes, in, in_bytes, stream);
}

Operation GpuReducer::waiting(const std::string& what) const {
  return size_ > 1 ? Operation(world_.impl(), what) : Operation();
}

}  // namespace dltonic::comm
