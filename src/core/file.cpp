#include "dltonic/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "dltonic/core/error.h"

namespace dltonic {
namespace {

/// A file descriptor that closes itself; failures carry the path and the system's reason.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, mode_t mode = 0644)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("open");
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  [[noreturn]] void fail(const char* operation) const {
    throw StorageError(std::string("cannot ") + operation + " " + path_.string() + ": " + std::strerror(errno));
  }

 private:
  const std::filesystem::path& path_;  // the caller's, which outlives the descriptor: no copy in a loop over many files
  int fd_;
};

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

void read_file(const std::filesystem::path& path, std::vector<std::byte>& content) {
  const Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) file.fail("read");
  content.resize(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::read(file.get(), content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) file.fail("read");
    if (count == 0) break;  // shorter than fstat said: it is being written by somebody
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::vector<std::byte> content;
  read_file(path, content);
  return content;
}

std::string read_text(const std::filesystem::path& path) {
  const auto content = read_file(path);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

void write_file_atomic(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp." + std::to_string(::getpid());
  try {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    std::size_t done = 0;
    while (done < content.size()) {
      const ssize_t count = ::write(file.get(), content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) file.fail("write");
      done += static_cast<std::size_t>(count);
    }
    if (::fsync(file.get()) != 0) file.fail("sync");
    rename_durably(temporary, path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

void make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw StorageError("cannot create folder " + path.string() + ": " + error.message());
}

void sync_path(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  // Some file systems refuse fsync on folders (EINVAL); there a rename is as durable as it gets.
  if (::fsync(file.get()) != 0 && errno != EINVAL) file.fail("sync");
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw StorageError("cannot rename " + from.string() + " to " + to.string() + ": " + std::strerror(errno));
  }
  sync_path(parent_of(to));
}

}  // namespace dltonic
