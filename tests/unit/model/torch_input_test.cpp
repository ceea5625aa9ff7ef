// A batch in the layout of a GPU's memory, a row of samples for each bit of a frame, against the host's way to read rows.
#include "model/torch_input.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "dltonic/core/random.h"
#include "model/batch.h"

namespace dltonic::model {
namespace {

TEST(TorchInput, RowsOfBitsAndOfHalfFloatsAreWhatTheHostReads) {
  for (const int depth : {1, 16}) {
    constexpr std::size_t kFeatures = 37, kSamples = 100;
    const auto row_bits = kFeatures * static_cast<std::size_t>(depth);
    BitMatrix frames(kSamples, row_bits), planes;
    Random random(3, Use::test, static_cast<std::uint32_t>(depth));
    for (std::size_t r = 0; r < kSamples; ++r) {
      for (std::size_t c = 0; c < row_bits; ++c) {
        if (c % 16 != 14 && random.below(2) == 1) frames.set(r, c);  // neither infinite nor NaN
      }
    }
    std::vector<float> wanted(kSamples * kFeatures);
    unpack(frames, depth, wanted);
    transpose(frames, planes);
    const auto bytes = torch::from_blob(planes.words().data(), {static_cast<std::int64_t>(row_bits), 16}, torch::kUInt8);
    // A piece of the batch, as large ones are read: samples 8 … 71.
    const auto numbers = read_rows(bytes.narrow(1, 1, 8), bit_masks(c10::kCPU), depth);
    ASSERT_EQ(numbers.dim(), 2);
    ASSERT_EQ(numbers.size(0), static_cast<std::int64_t>(kFeatures));
    ASSERT_EQ(numbers.size(1), 64);
    const auto floats = numbers.t().to(torch::kFloat32).contiguous();
    for (std::size_t i = 0; i < 64 * kFeatures; ++i)
      ASSERT_EQ(floats.data_ptr<float>()[i], wanted[8 * kFeatures + i]) << "depth " << depth << ", number " << i;
  }
}

}  // namespace
}  // namespace dltonic::model
