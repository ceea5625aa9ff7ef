/// What was written is read back and compared with the memory that it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dltonic::store {

/// Bytes at … at + bytes − 1 of a file are those at `data`.
struct Written {
  std::string name;
  std::uint64_t at = 0;
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
};

/// The sha256 of the whole file, read once. Throws StorageError, naming what and where, if it does not hold what was
/// written, or cannot be read.
std::string sha256_of_written(const std::filesystem::path& file, std::vector<Written> written);

}  // namespace dltonic::store
