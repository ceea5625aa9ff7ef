#include "train/snapshot.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace dltonic::train {
namespace {

constexpr std::size_t kPage = 4096;  ///< where every tensor begins: disks take whole pages from memory without a copy
constexpr std::size_t kHugePage = std::size_t{2} << 20, kPiece = std::size_t{1} << 20;

std::size_t room(const TensorView& tensor) { return (tensor.bytes() + kPage - 1) / kPage * kPage; }

}  // namespace

void Snapshot::Free::operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kHugePage}); }

void Snapshot::reserve(std::span<const TensorView> tensors) {
  std::size_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += room(tensor);
  if (bytes <= bytes_) return;
  memory_.reset();
  memory_.reset(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kHugePage})));
  bytes_ = bytes;
  ::madvise(memory_.get(), bytes_,
            MADV_HUGEPAGE);  // fewer pages to look up, for copies and disks; where it is refused, as well
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

}  // namespace dltonic::train
