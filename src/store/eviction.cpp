#include "store/eviction.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/journal.h"
#include "dltonic/store/lock.h"
#include "store/part_file.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;

struct PreparedFile {
  fs::path path;
  std::uint64_t bytes = 0;
  double used = 0;  ///< time of last access, s
  bool has_original = false;
  std::vector<Holder> holders;
};

/// Longest unused first.
std::vector<PreparedFile> prepared_files(const fs::path& folder, const fs::path& originals) {
  std::vector<PreparedFile> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    struct stat status {
    }, original{};
    if (entry.path().extension() != ".h5" || ::lstat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    const bool has_original = ::stat((originals / entry.path().filename()).c_str(), &original) == 0 &&
                              original.st_size == status.st_size &&
                              (original.st_dev != status.st_dev || original.st_ino != status.st_ino);
    files.push_back({entry.path(), static_cast<std::uint64_t>(status.st_size),
                     static_cast<double>(status.st_atim.tv_sec) + static_cast<double>(status.st_atim.tv_nsec) * 1e-9,
                     has_original, living_leases(entry.path())});
  }
  std::sort(files.begin(), files.end(), [](const PreparedFile& a, const PreparedFile& b) { return a.used < b.used; });
  return files;
}

/// A job takes its lease before it looks for the file; we take the file's name away before we look for leases again: so one of
/// both sees the other.
bool evict(const PreparedFile& file) {
  if (!living_leases(file.path).empty()) return false;  // taken while others were evicted: its name stays as it is
  const fs::path aside = part_file(file.path);
  std::error_code error;
  fs::rename(file.path, aside, error);
  if (error) return false;
  if (!living_leases(file.path).empty()) {
    fs::rename(aside, file.path, error);
    return false;
  }
  fs::remove(aside, error);
  return !error;
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    const auto bytes = it->is_regular_file(error) ? it->file_size(error) : 0;
    if (!error) sum += bytes;
  }
  return sum;
}

std::string describe_run(const fs::path& run) {
  if (const auto holder = living_holder(run / kRunLockFile))
    return cat("in use by process ", holder->process, " on ", holder->host);
  const CheckpointStore checkpoints(run / "checkpoints");
  const Journal journal(checkpoints.folder());
  for (const auto& entry : checkpoints.list()) {
    if (journal.verified(entry.name, Place::project)) continue;
    return cat("not all on project storage: first  dltonic sync push ", run.filename().string());
  }
  return "its checkpoints are verified on project storage";
}

}  // namespace

void note_use(const fs::path& file) {
  const struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  if (::utimensat(AT_FDCWD, file.c_str(), times, 0) != 0) log::debug("cannot note the use of " + file.string());
}

bool make_room(const fs::path& folder, const fs::path& originals, std::uint64_t needed,
               const std::function<std::uint64_t(const fs::path&)>& free) {
  const std::uint64_t before = free(folder);
  if (before >= needed) return true;
  std::vector<PreparedFile> chosen;
  std::uint64_t gain = 0;
  for (PreparedFile& file : prepared_files(folder, originals)) {
    if (before + gain >= needed) break;
    if (!file.has_original || !file.holders.empty()) continue;
    gain += file.bytes;
    chosen.push_back(std::move(file));
  }
  if (before + gain < needed) return false;
  for (const PreparedFile& file : chosen) {
    if (!evict(file)) continue;
    log::info(cat("scratch is full: removed ", file.path.string(), " (", human_bytes(file.bytes), "), unused the longest; ",
                  originals.string(), " still has it"));
  }
  return free(folder) >= needed;
}

std::string removable_by_hand(const fs::path& folder, const fs::path& originals) {
  std::string text;
  for (const PreparedFile& file : prepared_files(folder, originals)) {
    std::string why;
    if (!file.holders.empty()) why = cat("in use by process ", file.holders[0].process, " on ", file.holders[0].host);
    else if (!file.has_original) why = cat("not in ", originals.string());
    else why = "a copy, can be removed";
    text += cat("\n  ", file.path.string(), " (", human_bytes(file.bytes), "): ", why);
  }
  std::vector<std::pair<std::uint64_t, fs::path>> runs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.parent_path() / "runs", error)) {
    if (entry.is_directory(error)) runs.emplace_back(bytes_below(entry.path()), entry.path());
  }
  std::sort(runs.rbegin(), runs.rend());
  constexpr std::size_t kNamed = 5;
  for (std::size_t i = 0; i < std::min(kNamed, runs.size()); ++i) {
    text += cat("\n  ", runs[i].second.string(), " (", human_bytes(runs[i].first), "): ", describe_run(runs[i].second));
  }
  return text;
}

}  // namespace dltonic::store
