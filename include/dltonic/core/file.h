/// Whole files, read at once and written atomically.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dltonic {

/// The content of a file. Throws StorageError with the system's reason.
std::vector<std::byte> read_file(const std::filesystem::path& path);
/// The same into a buffer that is used again (resized to the file's length): no allocation in a loop over many files.
void read_file(const std::filesystem::path& path, std::vector<std::byte>& content);
std::string read_text(const std::filesystem::path& path);

/// Writes `path` so that readers see the old content or the new one, never half: a temporary file beside it, fsync,
/// rename, fsync of the folder. Removes the temporary file on failure. Throws StorageError with the system's reason.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);

/// Creates a folder and its parents. Throws StorageError.
void make_directories(const std::filesystem::path& path);
/// fsync of a file or folder that is complete. Throws StorageError.
void sync_path(const std::filesystem::path& path);
/// rename(2), then fsync of the target's folder. Throws StorageError.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dltonic
