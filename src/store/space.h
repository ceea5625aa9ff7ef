/// A full disk is found before a collective write, not in the middle of it.
#pragma once

#include <cstdint>
#include <filesystem>

#include "dltonic/core/error.h"

namespace dltonic::store {

/// No room: to try again makes sense only once some is freed.
struct DiskFull : StorageError {
  using StorageError::StorageError;
};

/// What an unprivileged process may still write to the file system of `folder`. Throws StorageError.
std::uint64_t free_bytes(const std::filesystem::path& folder);

/// Throws DiskFull, with the bytes needed and free, where `file` (which may not exist yet) cannot grow from `size` by
/// `bytes`: file system full, or beyond this process's file size limit (ulimit -f).
void require_space(const std::filesystem::path& file, std::uint64_t size, std::uint64_t bytes);

/// The same, and claims the space with fallocate(2) where the file system can, so that nobody else takes it.
void claim_space(const std::filesystem::path& file, std::uint64_t size, std::uint64_t bytes);

}  // namespace dltonic::store
