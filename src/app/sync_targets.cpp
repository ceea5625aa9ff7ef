#include "app/sync_targets.h"

#include <algorithm>
#include <set>

#include "app/run_storage.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder, bool folders) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool fits = folders ? entry.is_directory(error) : entry.is_regular_file(error) && entry.path().extension() == ".h5";
    if (fits && !name.starts_with(".")) names.insert(name);
  }
  return names;
}

std::vector<SyncTarget> all_in(const std::string& kind, const std::string& folder, const config::StorageDirs& dirs) {
  auto names = names_in(dirs.scratch / folder, kind == "run");
  names.merge(names_in(dirs.project / folder, kind == "run"));
  std::vector<SyncTarget> targets;
  for (const std::string& name : names) {
    targets.push_back({kind, name, dirs.scratch / folder / name, dirs.project / folder / name});
  }
  return targets;
}

/// A path that exists: below a storage folder it has its counterpart below the other.
std::vector<SyncTarget> of_path(const std::string& word, const config::StorageDirs& dirs) {
  std::error_code error;
  for (const fs::path& storage : {dirs.scratch, dirs.project}) {
    if (!fs::path(word).is_absolute() && word.find('/') != std::string::npos && fs::exists(storage / word, error)) {
      return {{"path", word, dirs.scratch / word, dirs.project / word}};
    }
  }
  if (!fs::exists(word, error)) return {};
  const fs::path path = fs::weakly_canonical(word);
  for (const fs::path& storage : {dirs.scratch, dirs.project}) {
    const fs::path rest = path.lexically_relative(fs::weakly_canonical(storage));
    if (!rest.empty() && *rest.begin() != "..") return {{"path", rest.string(), dirs.scratch / rest, dirs.project / rest}};
  }
  if (fs::exists(path / "config.yaml", error)) return {{"run", path.string(), path, *copy_of_run(path, dirs)}};
  throw ConfigError(cat(word, " lies neither in scratch (", dirs.scratch.string(), ") nor on project storage (",
                        dirs.project.string(), "), and is no run's folder"));
}

}  // namespace

std::vector<SyncTarget> all_runs(const config::StorageDirs& dirs) { return all_in("run", "runs", dirs); }
std::vector<SyncTarget> all_data(const config::StorageDirs& dirs) { return all_in("data", "data", dirs); }

std::vector<SyncTarget> find_targets(const std::vector<std::string>& words, const config::StorageDirs& dirs) {
  const auto runs = all_runs(dirs), data = all_data(dirs);
  std::vector<SyncTarget> found;
  for (const std::string& word : words) {
    const std::size_t before = found.size();
    std::vector<std::string> known;
    for (const auto& run : runs) {
      if (run.name == word) found.push_back(run);
      known.push_back(run.name);
    }
    for (const auto& file : data) {  // "<data set>-<key>.h5", "<data set>-events-<key>.h5"
      if (file.name == word || file.name.starts_with(word + "-")) found.push_back(file);
      known.push_back(file.name.substr(0, file.name.find('-')));
    }
    if (found.size() > before) continue;
    auto paths = of_path(word, dirs);
    found.insert(found.end(), paths.begin(), paths.end());
    if (!paths.empty()) continue;
    const std::string near = nearest(word, known);
    throw ConfigError(cat("'", word, "' is no run, data set or path below ", dirs.scratch.string(), " or ",
                          dirs.project.string(), near.empty() ? "" : cat("; did you mean ", near, "?"),
                          "; dltonic sync status lists what there is"));
  }
  return found;
}

}  // namespace dltonic::app
