#include "report/terminal.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>

#include "pseudo_terminal.h"

namespace dltonic::report {
namespace {

/// What a process finds behind its standard error, a pipe, where its parent's standard error is `parent_fd`.
std::string found_below_a_launcher(int parent_fd, bool by_mpirun) {
  std::array<int, 2> answer{};
  if (::pipe(answer.data()) != 0) return "no pipe";
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    ::dup2(parent_fd, STDERR_FILENO);
    const pid_t rank = ::fork();
    if (rank == 0) {
      std::array<int, 2> own{};
      if (::pipe(own.data()) != 0) ::_exit(1);
      if (by_mpirun) ::setenv("OMPI_COMM_WORLD_RANK", "0", 1);
      const std::string found = terminal_behind(own[1]);
      ::_exit(::write(answer[1], found.data(), found.size()) == static_cast<ssize_t>(found.size()) ? 0 : 1);
    }
    ::waitpid(rank, nullptr, 0);
    ::_exit(0);
  }
  ::waitpid(launcher, nullptr, 0);
  ::close(answer[1]);
  std::array<char, 256> text{};
  const ssize_t count = ::read(answer[0], text.data(), text.size());
  ::close(answer[0]);
  return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
}

class Terminal : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TERM", "xterm", 1);
    ::unsetenv("OMPI_COMM_WORLD_RANK");
  }
};

TEST_F(Terminal, IsFoundWithItsWidth) {
  const PseudoTerminal pty(100);
  EXPECT_EQ(terminal_behind(pty.slave()), pty.name());
  EXPECT_EQ(columns_of(pty.name()), 100);
  pty.resize(57);
  EXPECT_EQ(columns_of(pty.name()), 57);
}

TEST_F(Terminal, ThatCannotRedrawIsNone) {
  const PseudoTerminal pty(100);
  ::setenv("TERM", "dumb", 1);
  EXPECT_EQ(terminal_behind(pty.slave()), "");
}

TEST_F(Terminal, IsSeenThroughMpirun) {
  const PseudoTerminal pty(100);
  EXPECT_EQ(found_below_a_launcher(pty.slave(), true), pty.name());
  EXPECT_EQ(found_below_a_launcher(pty.slave(), false), "");  // any other pipe is a pipe
}

TEST_F(Terminal, IsNoneWhereMpirunWritesToAFile) {
  const int file = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(found_below_a_launcher(file, true), "");
  ::close(file);
}

TEST_F(Terminal, UnknownWidthIsEighty) { EXPECT_EQ(columns_of(""), 80); }

}  // namespace
}  // namespace dltonic::report
