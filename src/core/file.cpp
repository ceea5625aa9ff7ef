#include "dltonic/core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic {
namespace {

constexpr const char* kTemporary = ".tmp.";  ///< "<file>.tmp.<number>"

[[noreturn]] void fail(const char* operation, const std::filesystem::path& path) {
  throw StorageError(std::string("cannot ") + operation + " " + path.string() + ": " + std::strerror(errno));
}

/// A file descriptor that closes itself; failures carry the path and the system's reason.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, mode_t mode = 0644)
      : name_(path.c_str()), fd_(::open(name_, flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("open");
  }
  /// A file below an open folder.
  Descriptor(const std::filesystem::path& folder, int folder_fd, const char* name, int flags, mode_t mode = 0644)
      : folder_(folder.c_str()), name_(name), fd_(::openat(folder_fd, name, flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail("open");
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  [[noreturn]] void fail(const char* operation) const { dltonic::fail(operation, std::filesystem::path(folder_) / name_); }

 private:
  const char *folder_ = "", *name_;  // the caller's, which outlive the descriptor: no copy in a loop over many files
  int fd_;
};

/// Reads to the end, whatever length was expected; the buffer grows where it is too small. The length.
std::size_t read_whole(const Descriptor& file, std::size_t expected, std::vector<std::byte>& buffer) {
  if (buffer.size() <= expected) buffer.resize(expected + 1);
  for (std::size_t done = 0;;) {
    const ssize_t count = ::read(file.get(), buffer.data() + done, buffer.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) file.fail("read");
    done += static_cast<std::size_t>(count);
    if (done == buffer.size()) {
      buffer.resize(2 * done);
    } else if (count == 0 || done == expected) {
      return done;  // all that was expected, and more was asked for: no need to be told again that this is the end
    }
  }
}

/// Some file systems refuse fsync on folders (EINVAL); there a rename is as durable as it gets.
void sync(const Descriptor& file) {
  if (::fsync(file.get()) != 0 && errno != EINVAL) file.fail("sync");
}

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) file.fail("read");
  std::vector<std::byte> content;
  content.resize(read_whole(file, static_cast<std::size_t>(status.st_size), content));
  return content;
}

Folder::Folder(const std::filesystem::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) fail("open", path);
}

Folder::~Folder() { ::close(fd_); }

std::span<const std::byte> Folder::read(const std::string& name, std::size_t bytes, std::vector<std::byte>& buffer) const {
  const Descriptor file(path_, fd_, name.c_str(), O_RDONLY);
  const std::size_t length = read_whole(file, bytes, buffer);
  return {buffer.data(), length};
}

std::string read_text(const std::filesystem::path& path) {
  const auto content = read_file(path);
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

void write_file_atomic(const std::filesystem::path& path, std::string_view content) {
  // By the open folder: it may be moved meanwhile (storage that goes away and comes back), and what is begun is still removed.
  const std::filesystem::path parent = parent_of(path);
  const Descriptor folder(parent, O_RDONLY | O_DIRECTORY);
  const std::string name = path.filename().string();
  const std::string temporary = cat(name, kTemporary, std::random_device()());  // hosts give process ids that are equal
  const Descriptor file(parent, folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL);
  try {
    std::size_t done = 0;
    while (done < content.size()) {
      const ssize_t count = ::write(file.get(), content.data() + done, content.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) file.fail("write");
      done += static_cast<std::size_t>(count);
    }
    if (::fsync(file.get()) != 0) file.fail("sync");
    if (::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0) file.fail("rename");
  } catch (...) {
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    throw;
  }
  sync(folder);
}

bool is_temporary(const std::string& name) {
  const std::size_t at = name.rfind(kTemporary), number = at + std::strlen(kTemporary);
  return at != std::string::npos && number < name.size() && name.find_first_not_of("0123456789", number) == std::string::npos;
}

void remove_temporaries(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> left;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (is_temporary(entry.path().filename().string())) left.push_back(entry.path());
  }
  for (const auto& path : left) std::filesystem::remove(path, error);
}

void make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw StorageError("cannot create folder " + path.string() + ": " + error.message());
}

void sync_path(const std::filesystem::path& path) { sync(Descriptor(path, O_RDONLY)); }

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    throw StorageError("cannot rename " + from.string() + " to " + to.string() + ": " + std::strerror(errno));
  }
  sync_path(parent_of(to));
}

}  // namespace dltonic
