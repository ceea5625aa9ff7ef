#include "dltonic/config/storage_dirs.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::config {
namespace {

constexpr const char* kScratch = "SCRATCH_STORAGE_DIR";
constexpr const char* kProject = "PROJECT_STORAGE_DIR";

/// A file can really be made there: permission bits say little on network file systems, on full disks and to root.
std::string write_fault(const std::filesystem::path& folder) {
  std::string name = (folder / ".dltonic-probe-XXXXXX").string();
  const int file = ::mkstemp(name.data());
  if (file < 0) return std::strerror(errno);
  ::close(file);
  ::unlink(name.c_str());
  return "";
}

std::filesystem::path usable(const char* variable) {
  const std::filesystem::path folder = *environment(variable);
  const auto fail = [&](const std::string& what, const std::string& reason) -> std::filesystem::path {
    throw ConfigError(cat(variable, ": ", what, " ", folder.string(), ": ", reason, "; set ", variable,
                          " to a folder that you can write to"));
  };
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_directory(folder, error))
    return fail("cannot use", "it is not a folder");
  std::filesystem::create_directories(folder, error);
  if (error) return fail("cannot create folder", error.message());
  if (const std::string reason = write_fault(folder); !reason.empty()) return fail("cannot write to folder", reason);
  return folder;
}

}  // namespace

std::optional<std::string> environment(std::string_view name) {
  const std::string variable(name);
  const char* value = std::getenv(variable.c_str());
  if (value && *value) return value;
  for (const auto& [known, fallback] : {std::pair{kScratch, "./scratch"}, std::pair{kProject, "./project_storage"}}) {
    if (variable != known) continue;
    log::info_once(cat(variable, " is not set: using ", fallback));
    return fallback;
  }
  if (value) return value;  // set, and empty on purpose
  return std::nullopt;
}

StorageDirs storage_dirs() { return {.scratch = usable(kScratch), .project = usable(kProject)}; }

}  // namespace dltonic::config
