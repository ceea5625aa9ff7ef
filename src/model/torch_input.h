/// A batch as it lies in a GPU's memory (data::DeviceBatch), read by LibTorch.
#pragma once

#include <torch/types.h>

namespace dltonic::model {

/// [row bit][byte of eight samples] uint8 becomes [feature][sample]: bool, or float16 where a feature has 16 bits. On the
/// device of `bytes`; enqueues only. `masks` uint8 [8]: bit_masks() there.
torch::Tensor read_rows(const torch::Tensor& bytes, const torch::Tensor& masks, int depth);
/// 1, 2, 4 … 128.
torch::Tensor bit_masks(c10::Device device);

}  // namespace dltonic::model
