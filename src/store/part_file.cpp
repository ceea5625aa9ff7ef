#include "store/part_file.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <string>

namespace dltonic::store {
namespace {

constexpr auto kForeignAge = std::chrono::hours(24);

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// No such process, or one that has ended and only waits for its parent to ask how (a killed mpirun leaves such ranks).
bool is_gone(pid_t process) {
  if (::kill(process, 0) != 0) return errno == ESRCH;
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t name_end = line.rfind(')');  // "<pid> (<name>) <state> ..."
  return name_end != std::string::npos && name_end + 2 < line.size() &&
         (line[name_end + 2] == 'Z' || line[name_end + 2] == 'X');
}

/// `owner`: "<host>-<process id>".
bool is_stale(const std::string& owner, const std::filesystem::directory_entry& entry) {
  const std::size_t dash = owner.rfind('-');
  if (dash == std::string::npos) return false;
  pid_t process = 0;
  const auto [end, error] = std::from_chars(owner.data() + dash + 1, owner.data() + owner.size(), process);
  if (error != std::errc{} || end != owner.data() + owner.size() || process <= 0) return false;
  if (owner.substr(0, dash) == host_name()) return is_gone(process);
  std::error_code unknown;
  const auto written = entry.last_write_time(unknown);
  return !unknown && std::filesystem::file_time_type::clock::now() - written > kForeignAge;
}

}  // namespace

std::filesystem::path part_file(const std::filesystem::path& path) {
  return path.string() + "." + host_name() + "-" + std::to_string(::getpid()) + ".part";
}

void remove_stale_parts(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const std::string begin = path.filename().string() + ".", end = ".part";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= begin.size() + end.size() || !name.starts_with(begin) || !name.ends_with(end)) continue;
    const std::string owner = name.substr(begin.size(), name.size() - begin.size() - end.size());
    if (is_stale(owner, entry)) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace dltonic::store
