#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace dltonic::report {

/// A terminal without a screen: what is written to `slave()` can be read here.
class PseudoTerminal {
 public:
  explicit PseudoTerminal(unsigned short columns) {
    winsize size{24, columns, 0, 0};
    char name[256];
    if (::openpty(&master_, &slave_, name, nullptr, &size) != 0) throw std::runtime_error("no pseudo terminal");
    name_ = name;
    termios mode{};
    ::tcgetattr(slave_, &mode);
    ::cfmakeraw(&mode);  // bytes as written, line ends too
    ::tcsetattr(slave_, TCSANOW, &mode);
  }
  ~PseudoTerminal() {
    ::close(slave_);
    ::close(master_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  int slave() const { return slave_; }
  const std::string& name() const { return name_; }
  void resize(unsigned short columns) const {
    const winsize size{24, columns, 0, 0};
    ::ioctl(slave_, TIOCSWINSZ, &size);
  }
  /// All that was written since the last call.
  std::string written() const {
    std::string text;
    char piece[4096];
    for (pollfd ready{master_, POLLIN, 0}; ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN);) {
      const ssize_t count = ::read(master_, piece, sizeof piece);
      if (count <= 0) break;
      text.append(piece, static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  int master_ = -1, slave_ = -1;
  std::string name_;
};

}  // namespace dltonic::report
