#pragma once

#include <filesystem>
#include <string_view>

namespace dltonic::report {

/// A file that only grows, by whole pieces: a piece that cannot be written to its end is taken back.
class AppendFile {
 public:
  /// Opens or creates. Throws StorageError.
  explicit AppendFile(const std::filesystem::path& path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// At once in the system's hands, so that it survives the end of this process. Throws StorageError.
  void append(std::string_view piece);
  /// On the disk. Throws StorageError.
  void sync();
  /// Drops what follows the last line end; returns how many bytes that was.
  std::size_t drop_cut_line();

 private:
  [[noreturn]] void fail(const char* operation) const;

  std::filesystem::path path_;
  int fd_;
};

}  // namespace dltonic::report
