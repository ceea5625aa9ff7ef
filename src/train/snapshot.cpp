#include "train/snapshot.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>

#include "dltonic/comm/world.h"

namespace dltonic::train {
namespace {

constexpr std::size_t kLine = 64, kPiece = std::size_t{1} << 20;

std::size_t room(const TensorView& tensor) { return (tensor.bytes() + kLine - 1) / kLine * kLine; }

/// All exponent bits set: infinite or not a number. Integer arithmetic, which the compiler makes vectors of.
template <class Bits>
bool all_finite(const void* data, std::uint64_t first, std::uint64_t count, Bits exponent) {
  const auto* const values = static_cast<const Bits*>(data) + first;
  Bits found = 0;
  for (std::uint64_t i = 0; i < count; ++i) found |= static_cast<Bits>((values[i] & exponent) == exponent);
  return found == 0;
}

}  // namespace

void Snapshot::Free::operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kLine}); }

void Snapshot::reserve(std::span<const TensorView> tensors) {
  std::size_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += room(tensor);
  if (bytes <= bytes_) return;
  memory_.reset();
  memory_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kLine})));
  bytes_ = bytes;
#pragma omp parallel for schedule(static)
  for (std::size_t at = 0; at < bytes_; at += kPiece) std::memset(memory_.get() + at, 0, std::min(kPiece, bytes_ - at));
}

std::vector<TensorView> Snapshot::take(std::span<const TensorView> tensors) {
  reserve(tensors);
  struct Piece {
    std::byte* to;
    const std::byte* from;
    std::size_t bytes;
  };
  std::vector<TensorView> copies(tensors.begin(), tensors.end());
  std::vector<Piece> pieces;
  std::size_t used = 0;
  for (TensorView& copy : copies) {
    const auto* const from = static_cast<const std::byte*>(copy.data);
    const std::size_t bytes = copy.bytes();
    for (std::size_t at = 0; at < bytes; at += kPiece)
      pieces.push_back({memory_.get() + used + at, from + at, std::min(kPiece, bytes - at)});
    copy.data = memory_.get() + used;
    used += room(copy);
  }
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < pieces.size(); ++i) std::memcpy(pieces[i].to, pieces[i].from, pieces[i].bytes);
  return copies;
}

std::string nonfinite_tensor(std::span<const TensorView> tensors, int rank, int size) {
  constexpr std::uint32_t kSingle = 0x7f800000u;
  constexpr std::uint64_t kDouble = 0x7ff0000000000000u;
  for (const TensorView& tensor : tensors) {
    const comm::Share share = comm::share_of(tensor.elements(), rank, size);
    const bool fine = tensor.type == DType::f32   ? all_finite(tensor.data, share.first, share.count, kSingle)
                      : tensor.type == DType::f64 ? all_finite(tensor.data, share.first, share.count, kDouble)
                                                  : true;
    if (!fine) return tensor.name;
  }
  return {};
}

}  // namespace dltonic::train
