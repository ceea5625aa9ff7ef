#include "data/gpu/move_rows.h"
#include "device/check.h"

namespace dltonic::data {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32;

/// Launch: one warp a row, lanes along its words.
template <bool kPack>
__global__ void __launch_bounds__(kThreads) move_rows(const std::uint64_t* from, std::size_t row_words,
                                                      const std::uint32_t* slots, std::size_t count, std::uint64_t* to) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (i >= count) return;
  const std::size_t slot = slots[i];
  from += (kPack ? slot : i) * row_words;
  to += (kPack ? i : slot) * row_words;
  for (std::size_t word = threadIdx.x % 32; word < row_words; word += 32) to[word] = from[word];
}

unsigned blocks(std::size_t rows) { return static_cast<unsigned>((rows + kWarps - 1) / kWarps); }

}  // namespace

void pack_rows(const std::uint64_t* rows, std::size_t row_words, const std::uint32_t* slots, std::size_t count,
               std::uint64_t* to, device::StreamHandle stream) {
  if (count == 0) return;
  move_rows<true><<<blocks(count), kThreads, 0, stream>>>(rows, row_words, slots, count, to);
  device::check_launch("pack_rows");
}

void unpack_rows(const std::uint64_t* from, std::size_t row_words, const std::uint32_t* slots, std::size_t count,
                 std::uint64_t* rows, device::StreamHandle stream) {
  if (count == 0) return;
  move_rows<false><<<blocks(count), kThreads, 0, stream>>>(from, row_words, slots, count, rows);
  device::check_launch("unpack_rows");
}

}  // namespace dltonic::data
