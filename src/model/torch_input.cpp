#include "model/torch_input.h"

#include <torch/torch.h>

namespace dltonic::model {

using torch::Tensor;

Tensor bit_masks(c10::Device device) {
  return torch::tensor({1, 2, 4, 8, 16, 32, 64, 128}, torch::kInt32).to(device, torch::kUInt8);
}

Tensor read_rows(const Tensor& bytes, const Tensor& masks, int depth) {
  const auto samples_of = [&](const Tensor& rows) {
    return rows.unsqueeze(2).bitwise_and(masks).ne(0).view({rows.size(0), 8 * rows.size(1)});
  };
  if (depth == 1) return samples_of(bytes);
  const std::int64_t features = bytes.size(0) / depth;
  Tensor halves = torch::zeros({features, 8 * bytes.size(1)}, bytes.options().dtype(torch::kInt16));
  for (int bit = 0; bit < depth; ++bit) {  // a bit at a time: all at once would be sixteen times the memory
    const Tensor set = samples_of(bytes.view({features, depth, bytes.size(1)}).select(1, bit));
    halves.add_(set.to(torch::kInt16), bit == 15 ? -32768 : 1 << bit);  // the last is the sign of an int16, too
  }
  return halves.view(torch::kHalf);
}

}  // namespace dltonic::model
