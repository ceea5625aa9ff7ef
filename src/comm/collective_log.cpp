#include "comm/collective_log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {

// number, UTC, step, state, name; every line has the same length
constexpr std::size_t kLine = 128, kState = 42;
constexpr std::size_t kBytes = kLine * (CollectiveLog::kKept + 1);
constexpr char kInside[] = "INSIDE";
constexpr char kDone[] = "done  ";

void write_line(char* line, const std::string& text) {
  std::memset(line, ' ', kLine - 1);
  std::memcpy(line, text.data(), std::min(text.size(), kLine - 1));
  line[kLine - 1] = '\n';
}

}  // namespace

CollectiveLog::CollectiveLog(std::filesystem::path path, int rank, const std::string& host) : path_(std::move(path)) {
  const auto fail = [&](const char* what) {
    throw StorageError(cat("cannot ", what, " ", path_.string(), ": ", std::strerror(errno)));
  };
  const int fd = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("open");
  // Space is claimed now: a full disk must not end the process when memory is written.
  const int claimed = ::posix_fallocate(fd, 0, static_cast<off_t>(kBytes));
  void* const memory = claimed == 0 ? ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  if (claimed != 0) errno = claimed;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (memory == MAP_FAILED) fail("map");
  text_ = static_cast<char*>(memory);
  write_line(text_, cat("rank ", rank, " on ", host, ", process ", ::getpid(), ": its last ", kKept,
                        " collectives (number, UTC, step, INSIDE or done, what)"));
  for (int i = 1; i <= kKept; ++i) write_line(text_ + static_cast<std::size_t>(i) * kLine, "");
}

CollectiveLog::~CollectiveLog() { ::munmap(text_, kBytes); }

char* CollectiveLog::line(std::uint64_t number) const { return text_ + (1 + (number - 1) % kKept) * kLine; }

std::uint64_t CollectiveLog::enter(const std::string& name, std::int64_t step) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm fields{};
  ::gmtime_r(&now.tv_sec, &fields);
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  if (frozen_) return number;
  char head[128];
  std::snprintf(head, sizeof head, "%10llu %02d:%02d:%02d.%03ld  step %-11lld", static_cast<unsigned long long>(number),
                fields.tm_hour, fields.tm_min, fields.tm_sec, now.tv_nsec / 1'000'000, static_cast<long long>(step));
  std::string text = head;
  text.resize(kState, ' ');
  write_line(line(number), text + kInside + "  " + name);
  return number;
}

void CollectiveLog::leave(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (!frozen_ && next_ - number <= kKept) std::memcpy(line(number) + kState, kDone, sizeof kDone - 1);
}

void CollectiveLog::remove() { ::unlink(path_.c_str()); }

}  // namespace dltonic::comm
