// For builds without NCCL: nobody makes a communicator where nccl_missing() gives a reason.
#include "comm/nccl.h"
#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"

namespace dltonic::comm {
namespace {
const char* const kMissing = "this build has no NCCL";
}

std::string nccl_missing() { return kMissing; }
std::string nccl_version() { return kMissing; }

struct Nccl::Impl {};
Nccl::Nccl(World&, double) { throw CommError(kMissing); }
Nccl::~Nccl() = default;
void* Nccl::memory(std::size_t) { throw CommError(kMissing); }
void Nccl::sum(float*, std::size_t, device::StreamHandle) { throw CommError(kMissing); }
void Nccl::sum(double*, std::size_t, device::StreamHandle) { throw CommError(kMissing); }
void Nccl::exchange(const void*, std::span<const std::size_t>, void*, std::span<const std::size_t>, device::StreamHandle) {
  throw CommError(kMissing);
}
std::string Nccl::failure() const { return {}; }

}  // namespace dltonic::comm
