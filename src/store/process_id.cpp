#include "store/process_id.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace dltonic::store {
namespace {

struct ProcessStatus {
  char state = 0;  ///< 0: unknown
  std::string start;
};

/// "<pid> (<name, which may hold anything>) <state> ... <22nd field: start>"
ProcessStatus status_of(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  ProcessStatus status;
  fields >> status.state;
  for (int field = 4; field <= 22; ++field) fields >> status.start;
  return status;
}

std::string space_of_this_process() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string boot;
  std::getline(file, boot);
  std::array<char, 64> container{};
  const ssize_t length = ::readlink("/proc/self/ns/pid", container.data(), container.size());
  return boot + " " + std::string(container.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
}

}  // namespace

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

ProcessId this_process() {
  return {.host = host_name(), .space = space_of_this_process(), .number = ::getpid(), .start = status_of(::getpid()).start};
}

bool has_ended(pid_t number) {
  if (::kill(number, 0) != 0) return errno == ESRCH;
  const char state = status_of(number).state;
  return state == 'Z' || state == 'X';
}

std::optional<bool> has_ended(const ProcessId& process) {
  if (process.host != host_name() || process.space != space_of_this_process()) return std::nullopt;
  if (has_ended(process.number)) return true;
  const std::string start = status_of(process.number).start;
  return !start.empty() && !process.start.empty() && start != process.start;
}

}  // namespace dltonic::store
