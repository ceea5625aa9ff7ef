#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/decoder.h"

namespace dltonic::events {

ByteSource file_source(const std::filesystem::path& path) {
  const auto file = [&path] {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw StorageError(cat("cannot open ", path.string(), ": ", std::strerror(errno)));
    return std::shared_ptr<const int>(new int(fd), [](const int* held) { ::close(*held), delete held; });
  }();
  return [file, path](std::span<std::byte> to) {
    while (true) {
      const ssize_t got = ::read(*file, to.data(), to.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) throw StorageError(cat("cannot read ", path.string(), ": ", std::strerror(errno)));
    }
  };
}

ByteSource memory_source(std::span<const std::byte> bytes) {
  return [bytes](std::span<std::byte> to) mutable {
    const std::size_t count = std::min(to.size(), bytes.size());
    std::memcpy(to.data(), bytes.data(), count);
    bytes = bytes.subspan(count);
    return count;
  };
}

}  // namespace dltonic::events
