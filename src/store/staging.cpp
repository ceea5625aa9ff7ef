#include "dltonic/store/staging.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "store/part_file.h"
#include "store/space.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr double kBaseLimitSeconds = 120, kSlowestBytesPerSecond = 2e6;  ///< slower than this is stuck
constexpr std::size_t kPiece = std::size_t{4} << 20;

struct File {
  File(const fs::path& name, int flags) : path(name), fd(::open(name.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd < 0) fail("open");
  }
  ~File() { ::close(fd); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[noreturn]] void fail(const char* operation) const {
    throw StorageError(cat("cannot ", operation, " ", path.string(), ": ", std::strerror(errno)));
  }
  struct stat status() const {
    struct stat result {};
    if (::fstat(fd, &result) != 0) fail("look at");
    return result;
  }
  fs::path path;
  int fd;
};

/// Copies and returns the sha256 of what was read.
std::string copy_content(const File& from, const File& to) {
  Sha256 hash;
  std::vector<std::byte> piece(kPiece);
  for (;;) {
    const ssize_t got = ::read(from.fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) from.fail("read");
    if (got == 0) break;
    const auto count = static_cast<std::size_t>(got);
    hash.update(std::span<const std::byte>(piece.data(), count));
    for (std::size_t done = 0; done < count;) {
      const ssize_t put = ::write(to.fd, piece.data() + done, count - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) to.fail("write");
      done += static_cast<std::size_t>(put);
    }
  }
  return hash.hex();
}

bool same_size_and_time(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

/// True where it copied.
bool copy_where_needed(const fs::path& from, const fs::path& to, const fs::path& part) {
  const File source(from, O_RDONLY);
  const struct stat source_status = source.status();
  struct stat status {};
  if (::stat(to.c_str(), &status) == 0) {
    if (status.st_dev == source_status.st_dev && status.st_ino == source_status.st_ino) return false;
    if (same_size_and_time(source_status, status)) return false;
  }
  if (to.has_parent_path()) make_directories(to.parent_path());
  ::unlink(part.c_str());
  const auto bytes = static_cast<std::uint64_t>(source_status.st_size);
  try {
    require_space(part, 0, bytes);
    {
      const File copy(part, O_WRONLY | O_CREAT | O_TRUNC);
      claim_space(part, 0, bytes);
      const std::string expected = copy_content(source, copy);
      if (::fsync(copy.fd) != 0) copy.fail("sync");
      const auto copied = static_cast<std::uint64_t>(copy.status().st_size);
      if (copied != bytes)
        throw StorageError(
            cat("staging ", from.string(), ": ", copied, " bytes arrived, ", bytes, " expected; is it being written?"));
      const std::string found = sha256_file(part);
      if (found != expected)
        throw StorageError(
            cat("staging ", from.string(), " to ", to.string(), ": the copy has sha256 ", found, ", ", expected, " expected"));
      const struct timespec times[2] = {source_status.st_atim, source_status.st_mtim};
      if (::futimens(copy.fd, times) != 0) copy.fail("set the time of");
    }
    rename_durably(part, to);
  } catch (...) {
    ::unlink(part.c_str());
    throw;
  }
  return true;
}

}  // namespace

Staged stage_file(comm::World& world, const fs::path& from, const fs::path& to) {
  const Stopwatch watch;
  std::error_code unknown;
  const auto size = fs::file_size(from, unknown);
  const auto phase = world.phase("staging " + from.string(),
                                 kBaseLimitSeconds + (unknown ? 0.0 : static_cast<double>(size) / kSlowestBytesPerSecond));
  Staged staged{to, 0, false, 0};
  world.agree("staging " + from.string(), [&] {
    std::error_code error;
    staged.bytes = fs::file_size(from, error);
    if (error) throw DataError(cat("cannot stage ", from.string(), ": ", error.message()));
    if (world.local_rank() == 0) {
      remove_stale_parts(to);
      staged.copied = copy_where_needed(from, to, part_file(to));
    }
  });
  // Also tells the other ranks of the host, and catches a scratch that they do not see.
  const auto copiers = world.gather(staged.copied ? world.host() : std::string());
  for (const std::string& host : copiers) staged.copied = staged.copied || host == world.host();
  world.agree("staging " + from.string(), [&] {
    std::error_code error;
    const auto bytes = fs::file_size(to, error);
    if (error || bytes != staged.bytes)
      throw StorageError(cat("staging ", from.string(), ": ", to.string(), " has ",
                             error ? error.message() : cat(bytes, " bytes"), ", ", staged.bytes, " expected"));
  });
  staged.seconds = watch.seconds();
  return staged;
}

}  // namespace dltonic::store
