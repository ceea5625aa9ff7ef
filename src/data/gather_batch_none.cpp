// Of a build without CUDA.
#include "data/gather_batch.h"
#include "dltonic/core/error.h"

namespace dltonic::data {

void gather_batch(const GatherSource&, int, int, const AugmentationParameters*, std::uint64_t*, std::uint16_t*,
                  device::StreamHandle) {
  throw DeviceError("this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU");
}

}  // namespace dltonic::data
