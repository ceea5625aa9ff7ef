#include "report/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "dltonic/core/text.h"

namespace dltonic::report {
namespace {

bool is_pipe(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

/// The terminal that descriptor `link` (/proc/<pid>/fd/<n>) is open on, or "".
std::string terminal_at(const std::string& link) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(link, error).string();
  return !error && (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty")) ? target : "";
}

}  // namespace

std::string terminal_behind(int fd) {
  const char* kind = std::getenv("TERM");
  if (kind == nullptr || std::string_view(kind) == "dumb" || *kind == '\0') return "";
  if (::isatty(fd)) {
    char name[PATH_MAX];
    return ::ttyname_r(fd, name, sizeof name) == 0 ? name : "/dev/tty";
  }
  if (std::getenv("OMPI_COMM_WORLD_RANK") == nullptr || !is_pipe(fd)) return "";
  return terminal_at(cat("/proc/", ::getppid(), "/fd/", STDERR_FILENO));
}

int columns_of(const std::string& terminal) {
  int columns = 0;
  const int fd = terminal.empty() ? -1 : ::open(terminal.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
    ::close(fd);
  }
  return columns > 0 ? columns : 80;
}

}  // namespace dltonic::report
