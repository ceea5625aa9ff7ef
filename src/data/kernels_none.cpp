// Of a build without CUDA.
#include "data/gather_batch.h"
#include "data/move_rows.h"
#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {
[[noreturn]] void none() { throw DeviceError("this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU"); }
}  // namespace

void gather_batch(const GatherSource&, int, int, const AugmentationParameters*, std::uint64_t*, std::uint16_t*,
                  device::StreamHandle) {
  none();
}
void pack_rows(const std::uint64_t*, std::size_t, const std::uint32_t*, std::size_t, std::uint64_t*, device::StreamHandle) {
  none();
}
void unpack_rows(const std::uint64_t*, std::size_t, const std::uint32_t*, std::size_t, std::uint64_t*, device::StreamHandle) {
  none();
}

}  // namespace dltonic::data
