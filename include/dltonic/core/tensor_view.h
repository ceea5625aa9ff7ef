/// A named array in somebody's memory: how models hand their state to checkpoints without either knowing the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dltonic {

enum class DType : std::uint8_t { f32, f64, i32, i64, u8 };

constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::u8:
      return 1;
  }
  return 0;
}

/// Row-major, contiguous. The memory belongs to the owner and stays valid while the owner lives and is not reshaped.
struct TensorView {
  std::string name;  ///< path-like: "layer0/logits"
  DType type = DType::f32;
  std::vector<std::uint64_t> shape;
  void* data = nullptr;

  std::uint64_t elements() const {
    std::uint64_t n = 1;
    for (const std::uint64_t extent : shape) n *= extent;
    return n;
  }
  std::uint64_t bytes() const { return elements() * size_of(type); }
};

}  // namespace dltonic
