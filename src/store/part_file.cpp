#include "store/part_file.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>

#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "store/process_id.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr auto kForeignAge = std::chrono::hours(24);

/// `owner`: "<host>-<process id>".
bool is_stale(const std::string& owner, const fs::directory_entry& entry) {
  const std::size_t dash = owner.rfind('-');
  if (dash == std::string::npos) return false;
  pid_t process = 0;
  const auto [end, error] = std::from_chars(owner.data() + dash + 1, owner.data() + owner.size(), process);
  if (error != std::errc{} || end != owner.data() + owner.size() || process <= 0) return false;
  if (owner.substr(0, dash) == host_name()) return has_ended(process);
  std::error_code unknown;
  const auto written = entry.last_write_time(unknown);
  return !unknown && fs::file_time_type::clock::now() - written > kForeignAge;
}

/// Of a file, or of all files in a folder.
std::uint64_t bytes_in(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const auto bytes = fs::file_size(path, error);
    return error ? 0 : bytes;
  }
  std::uint64_t sum = 0;
  for (const auto& entry : fs::directory_iterator(path, error)) sum += bytes_in(entry.path());
  return sum;
}

void remove_with_word(const fs::path& part) {
  std::error_code error;
  fs::remove_all(part, error);
  if (error) log::warn(cat("cannot remove ", part.string(), ", left by a job that has ended: ", error.message()));
  else log::info(cat("removed ", part.string(), ", left by a job that has ended"));
}

}  // namespace

fs::path part_file(const fs::path& path) {
  return path.string() + "." + host_name() + "-" + std::to_string(::getpid()) + ".part";
}

std::vector<fs::path> stale_parts(const fs::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const std::string begin = path.filename().string() + ".", end = ".part";
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() <= begin.size() + end.size() || !name.starts_with(begin) || !name.ends_with(end)) continue;
    const std::string owner = name.substr(begin.size(), name.size() - begin.size() - end.size());
    if (is_stale(owner, entry)) found.push_back(entry.path());
  }
  return found;
}

void remove_stale_parts(const fs::path& path) {
  for (const auto& part : stale_parts(path)) remove_with_word(part);
}

fs::path adopt_part(const fs::path& path) {
  const fs::path mine = part_file(path);
  std::vector<std::pair<std::uint64_t, fs::path>> left;  // looked at once: other processes may adopt them meanwhile
  for (const auto& part : stale_parts(path)) left.emplace_back(bytes_in(part), part);
  std::sort(left.rbegin(), left.rend());
  std::error_code error;
  for (const auto& [bytes, part] : left) {
    if (!fs::exists(mine, error)) {
      fs::rename(part, mine, error);
      if (!error || error == std::errc::no_such_file_or_directory) continue;
    }
    remove_with_word(part);
  }
  return mine;
}

}  // namespace dltonic::store
