#include "report/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "dltonic/core/error.h"

namespace dltonic::report {

AppendFile::AppendFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
  if (fd_ < 0) fail("open");
}

AppendFile::~AppendFile() { ::close(fd_); }

void AppendFile::fail(const char* operation) const {
  throw StorageError(std::string("cannot ") + operation + " " + path_.string() + ": " + std::strerror(errno));
}

void AppendFile::append(std::string_view piece) {
  const off_t before = ::lseek(fd_, 0, SEEK_END);
  if (before < 0) fail("write");
  while (!piece.empty()) {
    const ssize_t count = ::write(fd_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      [[maybe_unused]] const int cut = ::ftruncate(fd_, before);  // a half line is dropped by the next start, if this fails
      errno = reason;
      fail("write");
    }
    piece.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AppendFile::sync() {
  if (::fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS) fail("sync");
}

std::size_t AppendFile::drop_cut_line() {
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  if (size < 0) fail("read");
  off_t keep = size;  // searched backwards for the last line end, piece by piece
  std::array<char, 4096> piece;
  while (keep > 0) {
    const auto length = static_cast<std::size_t>(std::min<off_t>(keep, static_cast<off_t>(piece.size())));
    const off_t start = keep - static_cast<off_t>(length);
    const ssize_t count = ::pread(fd_, piece.data(), length, start);
    if (count != static_cast<ssize_t>(length)) fail("read");
    const auto end = std::string_view(piece.data(), length).rfind('\n');
    keep = end == std::string_view::npos ? start : start + static_cast<off_t>(end) + 1;
    if (end != std::string_view::npos) break;
  }
  if (keep != size && ::ftruncate(fd_, keep) != 0) fail("truncate");
  return static_cast<std::size_t>(size - keep);
}

}  // namespace dltonic::report
