// Sample rows become a feature-major batch in one pass. A warp takes 32 samples: each lane makes one 32-bit word of its
// (augmented) sample row, and a transpose within the warp turns 32 samples × 32 bits into 32 bits × 32 samples.
// The eight warps of a block have 256 samples between them, so that 32 bytes of a row are written at once.
#include <algorithm>

#include "data/gpu/gather_batch.h"
#include "device/check.h"
#include "dltonic/core/bernoulli.h"

namespace dltonic::data {
namespace {

constexpr int kThreads = DeviceBatch::kSampleBlock;
constexpr int kWarps = kThreads / 32;

/// `count` (1 … 32) bits from bit `position` on.
__device__ std::uint32_t read_bits(const std::uint32_t* row, int position, int count) {
  const int word = position / 32, offset = position % 32;
  const std::uint32_t low = row[word];
  const std::uint32_t high = offset + count > 32 ? row[word + 1] : 0;
  return __funnelshift_r(low, high, offset) & (~0u >> (32 - count));
}

/// Word `word` of the flipped and shifted row: its bits come from one piece of a line after the other.
__device__ std::uint32_t moved_word(const std::uint32_t* row, const FrameShape& shape, const AugmentationDraw& d, int word,
                                    int row_bits) {
  const int width = shape.width, height = shape.height;
  const int begin = word * 32, end = min(begin + 32, row_bits);
  std::uint32_t bits = 0;
  for (int f = begin; f < end;) {
    const int line = f / width, x = f - line * width;
    const int channel = line / height, y = line - channel * height;
    const int x_end = min(width, x + end - f);
    const int y_in = y - d.dy;                                        // in the flipped frame, as are the columns
    const int left = max(x, d.dx), right = min(x_end, width + d.dx);  // output columns that something moves to
    if (y_in >= 0 && y_in < height && left < right) {
      const int line_in = channel * height + (d.flip_y ? height - 1 - y_in : y_in);
      const int x_in = d.flip_x ? width + d.dx - right : left - d.dx;
      std::uint32_t piece = read_bits(row, line_in * width + x_in, right - left);
      if (d.flip_x) piece = __brev(piece) >> (32 - (right - left));
      bits |= piece << (f - begin + left - x);
    }
    f += x_end - x;
  }
  return bits;
}

__device__ std::uint32_t augmented_word(const std::uint32_t* row, const AugmentationParameters& p, const AugmentationDraw& d,
                                        std::uint32_t epoch, std::uint32_t sample, int word, int row_bits) {
  std::uint32_t bits = p.moves() ? moved_word(row, p.shape, d, word, row_bits) : row[word];
  std::uint32_t mask[1];
  if (p.drop > 0) {
    bernoulli_words({p.seed, Use::drop, epoch, sample}, static_cast<std::uint32_t>(word), p.drop, mask);
    bits &= ~mask[0];
  }
  if (p.flips > 0) {
    bernoulli_words({p.seed, Use::salt_pepper, epoch, sample}, static_cast<std::uint32_t>(word), p.flips, mask);
    bits ^= mask[0];
    if (word * 32 + 32 > row_bits) bits &= (1u << (row_bits - word * 32)) - 1;
  }
  return bits;
}

/// Bit j of lane i becomes bit i of lane j. All lanes of the warp take part.
__device__ std::uint32_t transposed(std::uint32_t bits, int lane) {
  std::uint32_t low = 0x0000FFFFu;  // the places whose number lacks `step`
#pragma unroll
  for (int step = 16; step > 0; step /= 2, low ^= low << step) {
    const std::uint32_t other = __shfl_xor_sync(~0u, bits, step);
    bits = (lane & step) != 0 ? (bits & ~low) | ((other >> step) & low) : (bits & low) | ((other & low) << step);
  }
  return bits;
}

/// Launch: block (x, y) takes bits 32 × words_a_block × x … of samples 256 × y …
template <bool kAugmented>
__global__ void __launch_bounds__(kThreads)
    gather_batch_kernel(GatherSource source, AugmentationParameters augmentation, int row_bits, int count, int words_a_block,
                        GatherTarget target) {
  __shared__ std::uint32_t tiles[2][32][kWarps + 1];  // [feature][32 samples]; one more column keeps banks apart
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32, warp = thread / 32;
  const int i = static_cast<int>(blockIdx.y) * kThreads + thread;
  const bool present = i < count;
  const std::uint32_t batch = source.clock != nullptr ? source.clock->batch : 0;
  const std::uint32_t epoch = kAugmented ? source.clock->epoch : 0;

  std::uint32_t sample = 0;
  std::size_t row = 0;
  AugmentationDraw draw_of_sample;
  if (present) {
    const std::size_t in_share = static_cast<std::size_t>(source.first + i), share = static_cast<std::size_t>(source.share);
    const std::size_t position = batch * share + in_share;
    sample = source.order[position];
    if (source.row_of == GatherSource::RowOf::sample) row = sample;
    else if (source.row_of == GatherSource::RowOf::position) row = position;
    else if (source.row_of == GatherSource::RowOf::placed) row = source.place[position];
    else row = (source.clock->epoch * source.batches + batch) % static_cast<std::uint64_t>(source.slots) * share + in_share;
    if (kAugmented && augmentation.moves()) draw_of_sample = draw(augmentation, epoch, sample);
  }
  if (blockIdx.x == 0) {
    target.labels[i] = present ? source.labels[sample] : std::uint16_t{0};
    if (source.mixed != nullptr) {
      const MixedLabel mixed = present ? source.mixed[row] : MixedLabel{};
      target.second_labels[i] = mixed.second;
      target.label_share[i] = mixed.share;
    }
  }

  const auto* in = reinterpret_cast<const std::uint32_t*>(source.rows + row * static_cast<std::size_t>(source.row_words));
  auto* bits = reinterpret_cast<std::uint32_t*>(target.bits);
  const std::size_t out_words = gridDim.y * kWarps;
  const int first_word = static_cast<int>(blockIdx.x) * words_a_block;
  const int end_word = min(first_word + words_a_block, (row_bits + 31) / 32);
  for (int word = first_word; word < end_word; ++word) {
    std::uint32_t mine = 0;
    if (present) {
      if constexpr (kAugmented) mine = augmented_word(in, augmentation, draw_of_sample, epoch, sample, word, row_bits);
      else mine = in[word];
    }
    auto& tile = tiles[word % 2];  // the other one may still be read
    tile[lane][warp] = transposed(mine, lane);
    __syncthreads();
    const int bit = word * 32 + thread / kWarps, column = thread % kWarps;
    if (bit < row_bits) {
      bits[static_cast<std::size_t>(bit) * out_words + blockIdx.y * kWarps + static_cast<unsigned>(column)] =
          tile[thread / kWarps][column];
    }
  }
}

}  // namespace

void gather_batch(const GatherSource& source, int row_bits, int count, const AugmentationParameters* augmentation,
                  const GatherTarget& target, device::StreamHandle stream) {
  if (count == 0) return;
  const int words = (row_bits + 31) / 32, sample_blocks = DeviceBatch::padded(count) / kThreads;
  // A small batch wants many blocks; a large one wants each row's cache lines read by few.
  constexpr int kBlocksWanted = 1024;
  const int words_a_block = std::clamp(words * sample_blocks / kBlocksWanted, 1, 8);
  const dim3 grid(static_cast<unsigned>((words + words_a_block - 1) / words_a_block), static_cast<unsigned>(sample_blocks));
  if (augmentation != nullptr) {
    gather_batch_kernel<true><<<grid, kThreads, 0, stream>>>(source, *augmentation, row_bits, count, words_a_block, target);
  } else {
    gather_batch_kernel<false><<<grid, kThreads, 0, stream>>>(source, {}, row_bits, count, words_a_block, target);
  }
  device::check_launch("gather_batch");
}

}  // namespace dltonic::data
