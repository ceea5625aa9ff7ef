/// Whole files, read at once and written atomically.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dltonic {

/// The content of a file. Throws StorageError with the system's reason.
std::vector<std::byte> read_file(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);

/// A folder that is kept open, for reading many small files below it: three system calls a file, none that walks its path.
class Folder {
 public:
  /// Throws StorageError.
  explicit Folder(const std::filesystem::path& path);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// The content of the file `name` (relative to the folder), which lies in `buffer` until it is used again; the buffer grows
  /// where it is too small. `bytes` is the length that the file is thought to have: any other is read as well, with a system
  /// call more. Throws StorageError. Any number of threads may call it at once, each with its buffer.
  std::span<const std::byte> read(const std::string& name, std::size_t bytes, std::vector<std::byte>& buffer) const;

 private:
  std::filesystem::path path_;
  int fd_;
};

/// Writes `path` so that readers see the old content or the new one, never half: a temporary file beside it, fsync,
/// rename, fsync of the folder. Removes the temporary file on failure. Throws StorageError with the system's reason.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);
/// Whether a file bears the name of such a temporary file.
bool is_temporary(const std::string& name);
/// Removes what killed processes left of them in a folder; for a process that alone writes there. What cannot be removed stays.
void remove_temporaries(const std::filesystem::path& folder);

/// Creates a folder and its parents. Throws StorageError.
void make_directories(const std::filesystem::path& path);
/// fsync of a file or folder that is complete. Throws StorageError.
void sync_path(const std::filesystem::path& path);
/// rename(2), then fsync of the target's folder. Throws StorageError.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dltonic
