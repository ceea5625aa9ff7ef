#include "store/written_marks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "dltonic/core/checksum.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::store {

std::uint64_t mark_of(const events::Events& events) {
  BlockSum sum;
  const auto add = [&](const auto& values) { sum.update(std::as_bytes(std::span(values))); };
  add(events.x);
  add(events.y);
  add(events.t);
  add(events.p);
  const BlockDigest digest = sum.next();
  std::uint64_t mark = 0;
  std::memcpy(&mark, digest.data(), sizeof mark);
  return mark == 0 ? 1 : mark;
}

void write_at(int fd, const std::filesystem::path& path, const void* bytes, std::size_t count, std::uint64_t at) {
  const auto* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t done = ::pwrite(fd, from, count, static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) throw StorageError(cat("cannot write ", path.string(), ": ", std::strerror(errno)));
    from += done;
    at += static_cast<std::uint64_t>(done);
    count -= static_cast<std::size_t>(done);
  }
}

void WrittenMarks::create(const std::filesystem::path& path, std::size_t recordings) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw StorageError(cat("cannot create ", path.string(), ": ", std::strerror(errno)));
  const bool good = ::ftruncate(fd, static_cast<off_t>(recordings * sizeof(std::uint64_t))) == 0;
  const int reason = errno;
  ::close(fd);
  if (!good) throw StorageError(cat("cannot write ", path.string(), ": ", std::strerror(reason)));
}

bool WrittenMarks::fits(const std::filesystem::path& path, std::size_t recordings) {
  std::error_code error;
  return std::filesystem::file_size(path, error) == recordings * sizeof(std::uint64_t) && !error;
}

WrittenMarks::WrittenMarks(const std::filesystem::path& path, std::size_t recordings)
    : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (fd_ < 0) throw StorageError(cat("cannot open ", path.string(), ": ", std::strerror(errno)));
  if (fits(path, recordings)) return;
  ::close(fd_);
  throw StorageError(cat(path.string(), " does not belong to ", recordings, " recordings"));
}

WrittenMarks::~WrittenMarks() { ::close(fd_); }

std::uint64_t WrittenMarks::get(std::size_t i) const {
  std::uint64_t mark = 0;
  const ssize_t got = ::pread(fd_, &mark, sizeof mark, static_cast<off_t>(i * sizeof mark));
  if (got < 0) throw StorageError(cat("cannot read ", path_.string(), ": ", std::strerror(errno)));
  return got == sizeof mark ? mark : 0;
}

void WrittenMarks::set(std::size_t i, std::uint64_t mark) const { write_at(fd_, path_, &mark, sizeof mark, i * sizeof mark); }

}  // namespace dltonic::store
