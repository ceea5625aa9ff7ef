/// The checksum of files that the program writes and copies: against damage, not against malice (that is hash.h's).
///
/// XXH3, 128 bits (Yann Collet, xxhash.com), of each block of 1 MiB, and XXH3 of these digests in a row: blocks can be
/// summed by several ranks, and a core sums 10 GB/s, where SHA-256 makes 1.2 (docs/checkpoints.md). In Python:
///   xxh3_128(b"".join(xxh3_128(block).digest() for block in blocks)).hexdigest()
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dltonic {

constexpr std::size_t kChecksumBlock = std::size_t{1} << 20;
constexpr const char* kChecksumKind = "xxh3:";  ///< what a checksum's text begins with
/// Big-endian, as XXH3's canonical form.
using BlockDigest = std::array<std::byte, 16>;

/// Of one block that comes in pieces.
class BlockSum {
 public:
  BlockSum();
  ~BlockSum();
  BlockSum(const BlockSum&) = delete;
  BlockSum& operator=(const BlockSum&) = delete;
  void update(std::span<const std::byte> bytes);
  /// The digest; the next block begins.
  BlockDigest next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "xxh3:" and 32 lower-case hexadecimal digits, from the digests of all blocks in their order.
std::string checksum_of(std::span<const BlockDigest> blocks);

/// Of bytes that come in pieces of any length.
class Checksum {
 public:
  void update(std::span<const std::byte> bytes);
  /// As checksum_of() gives it. The object is spent afterwards.
  std::string text();

 private:
  BlockSum block_;
  std::size_t in_block_ = 0;
  std::vector<BlockDigest> blocks_;
};

std::string checksum(std::string_view content);
/// Of a file's content, read in pieces. Throws StorageError.
std::string checksum_file(const std::filesystem::path& path);

}  // namespace dltonic
