/// The bulk of a file: bytes that lie in memory, written and read back by the rank that is told which part is its own.
///
/// Both go past the page cache where the file system can (O_DIRECT): the disk takes the bytes from memory itself, which costs
/// a tenth of the CPU time of a copy into the page cache, and what is read back is what the disk has. Elsewhere (tmpfs, some
/// network file systems) and for odd ends of pages they go through it.
///
/// Any rank, alone; different parts of one file at the same time. Slabs are sorted by `at` and do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dltonic/core/checksum.h"
#include "dltonic/core/tensor_view.h"

namespace dltonic::store {

/// Bytes at … at + bytes − 1 of a file are those at `data`.
struct Slab {
  std::string name;
  std::uint64_t at = 0;
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
  DType type = DType::u8;
  bool finite = false;  ///< no value may be infinite or not a number (floating-point types)
};

/// Writes what of the slabs lies in bytes begin … end − 1 of the file, which is there and long enough, and waits until
/// all that this host holds of the file is on the disk. Throws StorageError, DiskFull.
void write_slabs(const std::filesystem::path& file, std::span<const Slab> slabs, std::uint64_t begin, std::uint64_t end);

/// Reads bytes begin … end − 1 back (begin: a multiple of kChecksumBlock), in one pass that compares them with the slabs,
/// looks for values that are not finite, and sums the blocks, whose digests it returns. Throws StorageError, naming what and
/// where, if the file does not hold what was written or cannot be read, or if a value is not finite.
std::vector<BlockDigest> read_back(const std::filesystem::path& file, std::span<const Slab> slabs, std::uint64_t begin,
                                   std::uint64_t end);

/// Whether `bytes` bytes at `data` hold only finite values of that type.
bool all_finite(DType type, const std::byte* data, std::uint64_t bytes);

}  // namespace dltonic::store
