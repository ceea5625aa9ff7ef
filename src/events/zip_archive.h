/// A zip archive that is read in place: its list of members once, then any member by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace dltonic::events {

/// Throws DataError for a member's name that leads out of its archive: absolute, with "..", empty or with a zero byte.
void check_member_name(const std::string& name);
/// Throws DataError where a member claims more bytes than this machine could ever hold at once.
void check_member_bytes(std::uint64_t bytes);

class ZipArchive {
 public:
  struct Member {
    std::string name;
    std::uint64_t bytes = 0;  ///< unpacked
    std::uint64_t index = 0;  ///< in the archive
  };
  /// Lists the members that are files. Throws DataError that names archive and member: no zip archive or a cut one,
  /// encrypted members, names that lead out of the archive, sizes that no compression could reach.
  explicit ZipArchive(const std::filesystem::path& path);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::vector<Member>& members() const { return members_; }

  /// The content of a member, which lies in `buffer` until it is used again. Throws DataError that names archive and member
  /// where it is damaged (its CRC is checked). Any number of threads may call it at once, each with its buffer.
  std::span<const std::byte> read(const Member& member, std::vector<std::byte>& buffer) const;

 private:
  struct Handle;
  std::unique_ptr<Handle> take() const;

  std::filesystem::path path_;
  std::vector<Member> members_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Handle>>
      idle_;  ///< libzip's handles serve one thread at a time: as many as ever read at once
};

}  // namespace dltonic::events
