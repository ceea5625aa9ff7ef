/// One view of a data set's files, whether they lie in a folder, in zip archives, or in archives that were unpacked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dltonic/core/file.h"
#include "events/zip_archive.h"

namespace dltonic::events {

struct TreeFile {
  std::string path;  ///< below the root, with '/'; the name of an archive is no part of it
  std::uint64_t bytes = 0;
  std::uint32_t place = 0;   ///< which folder or archive holds it
  std::uint32_t member = 0;  ///< of an archive
};

class FileTree {
 public:
  /// `root` is a folder or an archive. Archives directly in a folder (of an unpacked archive: anywhere) are looked into;
  /// several side by side form one tree. A file that lies in a folder and in an archive is read from the folder. `unpacked`:
  /// folder that holds unpacked archives (unpacked_name()). Hidden files and __MACOSX are left out. Throws DataError: no such
  /// root, a damaged archive, one that must be unpacked and is not.
  FileTree(const std::filesystem::path& root, const std::filesystem::path& unpacked);

  const std::string& root() const { return root_; }
  const std::vector<TreeFile>& files() const { return files_; }  ///< sorted by path, byte by byte
  /// Indices of the files below a folder ("" or "a/b/"): [first, last).
  std::pair<std::size_t, std::size_t> below(const std::string& folder) const;
  /// Sorted names of the folders directly in a folder.
  std::vector<std::string> folders_in(const std::string& folder) const;
  std::optional<std::size_t> find(const std::string& path) const;
  bool has_folder(const std::string& folder) const;  ///< with '/' at its end

  /// The content of file i, which lies in `buffer` until it is used again. Throws DataError. Any number of threads may call it
  /// at once, each with its buffer.
  std::span<const std::byte> read(std::size_t i, std::vector<std::byte>& buffer) const;

 private:
  struct Place {
    std::string prefix;  ///< of its files' paths
    std::unique_ptr<Folder> folder;
    std::unique_ptr<ZipArchive> zip;
  };
  void add_folder(const std::filesystem::path& folder, const std::string& prefix, const std::filesystem::path& unpacked,
                  bool is_unpacked);
  void add_archive(const std::filesystem::path& archive, const std::string& prefix, const std::filesystem::path& unpacked);

  std::string root_;
  std::vector<Place> places_;
  std::vector<TreeFile> files_;
};

}  // namespace dltonic::events
