/// The two places of the program: fast local storage that may be wiped at any time (scratch), and storage that lasts
/// (project).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace dltonic::config {

struct StorageDirs {
  std::filesystem::path scratch;  ///< $SCRATCH_STORAGE_DIR, else ./scratch
  std::filesystem::path project;  ///< $PROJECT_STORAGE_DIR, else ./project_storage
};

/// Both folders, made where they are missing and found to be writable. A default is said once in the log. Throws
/// ConfigError that names the variable, the path, the system's reason and the way out. Does not communicate: call it on
/// every rank or on one.
StorageDirs storage_dirs();

/// The value of an environment variable; for the two variables above their default where unset (said once). Nothing
/// where any other is unset.
std::optional<std::string> environment(std::string_view name);

}  // namespace dltonic::config
