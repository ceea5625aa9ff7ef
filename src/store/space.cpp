#include "store/space.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

[[noreturn]] void disk_full(const std::filesystem::path& file, std::uint64_t needed, std::uint64_t free) {
  throw DiskFull(cat("disk full: ", file.string(), " needs ", with_commas(needed), " more bytes (", human_bytes(needed), "), ",
                     with_commas(free), " (", human_bytes(free), ") are free in ", folder_of(file).string(),
                     "; free some space or choose another folder"));
}

}  // namespace

std::uint64_t free_bytes(const std::filesystem::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0)
    throw StorageError(cat("cannot look at the file system of ", folder.string(), ": ", std::strerror(errno)));
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

void require_space(const std::filesystem::path& file, std::uint64_t size, std::uint64_t bytes) {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && size + bytes > limit.rlim_cur) {
    throw DiskFull(cat("file size limit: ", file.string(), " needs ", with_commas(size + bytes),
                       " bytes, this process may write ", with_commas(limit.rlim_cur), " (ulimit -f); raise the limit"));
  }
  const std::uint64_t free = free_bytes(folder_of(file));
  if (bytes > free) disk_full(file, bytes, free);
}

void claim_space(const std::filesystem::path& file, std::uint64_t size, std::uint64_t bytes) {
  require_space(file, size, bytes);
  if (bytes == 0) return;
  const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) throw StorageError(cat("cannot open ", file.string(), ": ", std::strerror(errno)));
  const int result = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size), static_cast<off_t>(bytes));
  const int reason = errno;
  ::close(fd);
  if (result == 0) return;
  if (reason == ENOSPC || reason == EDQUOT) disk_full(file, bytes, free_bytes(folder_of(file)));
  // Other answers (not supported by this file system, interrupted) leave the check above as all there is.
}

}  // namespace dltonic::store
