/// Compressed packets of AEDAT 4: LZ4 frames and zstd, unpacked as far as wanted and never beyond a bound.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dltonic::events {

enum class Compression { none, lz4, zstd };

class Decompressor {
 public:
  explicit Decompressor(Compression compression);
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Begins with `packed`, which must stay where it is, and unpacks at least its first `least` bytes where it has as many.
  /// Throws DataError: damaged.
  std::span<const std::byte> begin(std::span<const std::byte> packed, std::size_t least);
  /// Unpacks all of it. The bytes stay until the next begin and are aligned to 16. Throws DataError: damaged, cut, followed by
  /// other bytes, or more than `most` bytes.
  std::span<const std::byte> rest(std::size_t most);

 private:
  struct Contexts;

  bool unpack_some();
  std::span<const std::byte> unpacked() const { return {buffer_.data(), used_}; }

  Compression compression_;
  std::unique_ptr<Contexts> contexts_;
  std::span<const std::byte> packed_;
  bool complete_ = false;
  std::vector<std::byte> buffer_;  ///< grows with what really comes out, and is kept
  std::size_t used_ = 0;
};

}  // namespace dltonic::events
