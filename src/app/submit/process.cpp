#include "app/submit/process.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

/// A file in memory: unlike a pipe it never makes a writer wait for its reader.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content = {}) : fd_(::memfd_create("dltonic", MFD_CLOEXEC)) {
    if (fd_ < 0) throw StorageError(cat("no memory for a program's output: ", std::strerror(errno)));
    for (std::size_t done = 0; done < content.size();) {
      const ssize_t count = ::write(fd_, content.data() + done, content.size() - done);
      if (count < 0) throw StorageError(cat("no memory for a program's input: ", std::strerror(errno)));
      done += static_cast<std::size_t>(count);
    }
    ::lseek(fd_, 0, SEEK_SET);
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }
  std::string text() const {
    std::string text(static_cast<std::size_t>(::lseek(fd_, 0, SEEK_END)), '\0');
    const ssize_t count = ::pread(fd_, text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return text;
  }

 private:
  int fd_;
};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// As this process was started with.
std::vector<std::string> first_environment() {
  const std::string text = read_text("/proc/self/environ");
  std::vector<std::string> variables;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    variables.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return variables;
}

}  // namespace

bool has_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    if (::access(cat(folder, "/", name).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
  return false;
}

ProcessResult run_process(const std::vector<std::string>& words, const std::string& input, double timeout_s) {
  const MemoryFile in(input), out, err;
  auto arguments = words;
  auto environment = first_environment();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.fd(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.fd(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.fd(), STDERR_FILENO);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, words[0].c_str(), &actions, nullptr, pointers_to(arguments).data(), pointers_to(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw StorageError(cat("cannot run ", words[0], ": ", std::strerror(failed)));

  const Stopwatch watch;
  int status = 0;
  while (true) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) break;
    if (ended < 0 && errno != EINTR) throw StorageError(cat("cannot wait for ", words[0], ": ", std::strerror(errno)));
    if (watch.seconds() > timeout_s) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      throw StorageError(cat(words[0], " gave no answer within ", fixed(timeout_s, 0), " s"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.text(), err.text()};
}

}  // namespace dltonic::app
