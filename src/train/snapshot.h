/// A copy of tensors that steps go on changing: memory that is touched before it is needed and used again.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "dltonic/core/tensor_view.h"

namespace dltonic::train {

class Snapshot {
 public:
  /// Memory for such tensors, its pages there.
  void reserve(std::span<const TensorView> tensors);
  /// Copies them, in parallel; the views of the copies.
  std::vector<TensorView> take(std::span<const TensorView> tensors);

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace dltonic::train
