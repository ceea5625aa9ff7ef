// Of a build without CUDA.
#include "data/gpu/cut_rows.h"
#include "data/gpu/gather_batch.h"
#include "data/gpu/move_rows.h"
#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {
[[noreturn]] void none() { throw DeviceError("this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU"); }
}  // namespace

void gather_batch(const GatherSource&, int, int, const AugmentationParameters*, const GatherTarget&, device::StreamHandle) {
  none();
}
void cut_rows(const CutJob&, std::uint32_t, std::uint32_t, bool, device::StreamHandle) { none(); }
void pack_rows(const std::uint64_t*, std::size_t, const std::uint32_t*, std::size_t, std::uint64_t*, device::StreamHandle) {
  none();
}
void unpack_rows(const std::uint64_t*, std::size_t, const std::uint32_t*, std::size_t, std::uint64_t*, device::StreamHandle) {
  none();
}

}  // namespace dltonic::data
