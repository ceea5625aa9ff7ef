#include "dltonic/data/prepared_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/data/cache.h"
#include "dltonic/events/archive.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/frame_file.h"
#include "dltonic/store/lock.h"

namespace dltonic::data {
namespace {

namespace fs = std::filesystem;

std::uint64_t bytes_of(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return fs::file_size(path, error);
  std::uint64_t sum = 0;
  for (auto it = fs::recursive_directory_iterator(path, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (it->is_regular_file(error)) sum += it->file_size(error);
  }
  return sum;
}

double unused_days(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return std::max(0.0, now - static_cast<double>(std::max(status.st_atime, status.st_mtime))) / 86400;
}

/// "frames: time_bins bins=10 ...; filters: none; 34 x 34, layout nmnist".
std::string in_words(const std::string& settings) {
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  if (!json.is_object()) return settings;
  std::vector<std::string> words;
  for (const char* key : {"layout", "format", "frames", "filters", "thresholds", "crop", "sensor", "simulator", "strokes",
                          "placement", "unsorted", "aedat2_convention", "on_error"}) {
    if (!json.contains(key)) continue;
    const auto& value = json[key];
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) words.push_back(cat(key, ": ", text));
  }
  return join(words, "; ");
}

void read_settings(PreparedEntry& entry) {
  std::string settings, key;
  try {
    const store::FrameFileReader reader(entry.path);
    entry.kind = "frames";
    settings = reader.info().settings;
    key = reader.key();
  } catch (const DataError&) {
    try {
      const store::EventFileReader reader(entry.path);
      entry.kind = "events";
      settings = reader.info().settings;
      key = reader.key();
    } catch (const DataError& error) {
      entry.kind = "damaged";
      entry.settings = error.what();
      return;
    }
  }
  entry.key = key.substr(0, 16);
  entry.settings = in_words(settings);
  const auto json = nlohmann::json::parse(settings, nullptr, false);
  if (json.is_object()) entry.name = json.value("name", "");
}

/// The paths that this configuration uses, as far as it was prepared.
std::vector<fs::path> wanted_paths(const fs::path& project, const Options& options) {
  std::vector<fs::path> paths;
  try {
    const PreparedFile file = find_prepared(options, project);
    paths = {file.frames, file.events};
  } catch (const DataError&) {
  }
  try {
    for (const fs::path& archive : events::archives_of(options.source.root))
      paths.push_back(project / "data" / "unpacked" / events::unpacked_name(archive));
  } catch (const DataError&) {
  }
  return paths;
}

}  // namespace

std::vector<PreparedEntry> list_prepared(const fs::path& project, const Options* options) {
  const fs::path folder = project / "data";
  const auto wanted = options == nullptr ? std::vector<fs::path>{} : wanted_paths(project, *options);
  std::vector<PreparedEntry> entries;
  const auto add = [&](const fs::path& path, const std::string& kind) {
    PreparedEntry entry;
    entry.path = path;
    entry.kind = kind;
    entry.unused_days = unused_days(path);  // before it is opened
    entry.bytes = bytes_of(path);
    if (kind.empty()) read_settings(entry);
    entry.wanted = std::find(wanted.begin(), wanted.end(), path) != wanted.end();
    entry.in_use = !store::living_leases(path).empty() || store::living_holder(path.string() + ".lock") != nullptr;
    entries.push_back(std::move(entry));
  };
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".part") || is_temporary(name)) add(entry.path(), "part");
    else if (name.ends_with(".h5")) add(entry.path(), "");
  }
  for (const auto& entry : fs::directory_iterator(folder / "unpacked", error)) {
    if (entry.is_directory(error)) add(entry.path(), entry.path().extension() == ".part" ? "part" : "unpacked");
  }
  std::sort(entries.begin(), entries.end(), [](const PreparedEntry& a, const PreparedEntry& b) {
    return std::tie(a.kind, a.name, a.path) < std::tie(b.kind, b.name, b.path);
  });
  return entries;
}

std::vector<PreparedEntry> prune_prepared(const fs::path& project, const Options* options, double days, bool dry_run) {
  std::vector<PreparedEntry> gone;
  for (PreparedEntry& entry : list_prepared(project, options)) {
    const double least = entry.kind == "part" ? std::max(days, 1.0) : days;
    if (entry.wanted || entry.in_use || entry.unused_days < least) continue;
    if (!dry_run) {
      std::error_code error;
      fs::remove_all(entry.path, error);
      if (error) throw StorageError(cat("cannot remove ", entry.path.string(), ": ", error.message()));
    }
    gone.push_back(std::move(entry));
  }
  return gone;
}

}  // namespace dltonic::data
