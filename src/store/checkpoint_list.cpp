/// Which checkpoints there are and which are good; markers; removal.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "store/manifest.h"
#include "store/sync_parts.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;

struct Name {
  std::int64_t step;
  std::string time;
};

/// "step-<n>_<UTC>" or, for a second one of the same step and second, "step-<n>_<UTC>-<k>".
std::optional<Name> parse_name(const std::string& name) {
  long long step = 0;
  int date = 0, clock = 0, again = 0, end = 0;
  if (std::sscanf(name.c_str(), "step-%18lld_%8dT%6dZ%n-%9d", &step, &date, &clock, &end, &again) < 3 || end == 0)
    return std::nullopt;
  const std::string plain = name.substr(0, static_cast<std::size_t>(end));
  if (name != plain && name != cat(plain, "-", again)) return std::nullopt;  // "….part" and whatever else
  const std::size_t time = plain.find('_') + 1;
  if (step < 0 || plain.substr(0, time) != cat("step-", step, "_") || plain.size() - time != std::strlen("20261122T220657Z"))
    return std::nullopt;
  return Name{step, plain.substr(time)};
}

/// "2026-11-22 22:06" -> "20261122T220659Z", as names of checkpoints have it: the last second of what was named.
std::string last_second(const std::string& time) {
  std::string digits;
  for (const char c : time) {
    if (c >= '0' && c <= '9') digits += c;
    else if (std::strchr("-: TZ", c) == nullptr) digits += '?';
  }
  constexpr const char* kRest = "235959";  // of a day, an hour, a minute
  if ((digits.size() != 8 && digits.size() != 10 && digits.size() != 12 && digits.size() != 14) ||
      digits.find('?') != std::string::npos) {
    throw ConfigError(cat("'", time, "' is no time; give it in UTC as 2026-11-22, 2026-11-22T22:06 or 20261122T220657Z"));
  }
  digits += kRest + (digits.size() - 8);
  return digits.substr(0, 8) + "T" + digits.substr(8) + "Z";
}

/// "" where the manifest can be read and the sizes are its own.
std::string fault_without_checksum(const fs::path& checkpoint, Manifest* manifest_out = nullptr) {
  try {
    const Manifest manifest = read_manifest(checkpoint);
    if (manifest_out) *manifest_out = manifest;
    std::error_code error;
    const auto bytes = fs::file_size(checkpoint / kStateFile, error);
    if (error) return cat(kStateFile, ": ", error.message());
    if (bytes != manifest.state_bytes) return cat(kStateFile, " has ", bytes, " bytes, ", manifest.state_bytes, " expected");
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

std::vector<CheckpointEntry> CheckpointStore::list() const {
  std::vector<CheckpointEntry> entries;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder_, error)) {
    const std::string name = item.path().filename().string();
    const auto parsed = parse_name(name);
    if (!parsed || !item.is_directory(error)) continue;
    CheckpointEntry entry{item.path(), name, parsed->step, parsed->time, 0, fault_without_checksum(item.path())};
    const auto bytes = fs::file_size(item.path() / kStateFile, error);
    entry.bytes = error ? 0 : bytes;
    if (!entry.good() && !fs::exists(item.path(), error)) continue;  // pruned between the listing and the look
    entries.push_back(std::move(entry));
  }
  const auto repeat = [](const CheckpointEntry& e) { return std::pair(e.name.size(), e.name); };  // "-2" before "-10"
  std::sort(entries.begin(), entries.end(), [&](const CheckpointEntry& a, const CheckpointEntry& b) {
    return std::tuple(a.step, a.time, repeat(a)) > std::tuple(b.step, b.time, repeat(b));
  });
  return entries;
}

std::string CheckpointStore::verify(const fs::path& checkpoint) {
  Manifest manifest;
  std::string fault = fault_without_checksum(checkpoint, &manifest);
  if (!fault.empty()) return fault;
  try {
    const std::string found = checksum_like(manifest.state_checksum, checkpoint / kStateFile);
    if (found != manifest.state_checksum)
      return cat(kStateFile, " has checksum ", found, ", ", manifest.state_checksum, " expected");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::optional<CheckpointEntry> CheckpointStore::newest_good(comm::World& world, std::vector<std::string>* skipped) const {
  std::string answer;  // the good one's name, then one line for each that was skipped
  world.agree("looking for the newest checkpoint in " + folder_.string(), [&] {
    if (!world.is_root()) return;
    std::string good, lines;
    for (const CheckpointEntry& entry : list()) {
      const std::string fault = entry.good() ? verify(entry.path) : entry.fault;
      if (fault.empty()) {
        good = entry.name;
        break;
      }
      lines += '\n' + cat(entry.path.string(), ": ", fault);
    }
    answer = good + lines;
  });
  answer = world.broadcast(answer);
  std::vector<std::string> lines;
  for (std::size_t start = 0; start <= answer.size();) {
    const std::size_t end = std::min(answer.find('\n', start), answer.size());
    lines.push_back(answer.substr(start, end - start));
    start = end + 1;
  }
  if (skipped) skipped->assign(lines.begin() + 1, lines.end());
  if (lines[0].empty()) return std::nullopt;
  for (CheckpointEntry& entry : list()) {
    if (entry.name == lines[0]) return std::move(entry);
  }
  throw StorageError(
      cat(folder_.string(), " does not show ", lines[0], " to every rank: is it on storage that all hosts share?"));
}

std::string CheckpointStore::part(const fs::path& checkpoint, const std::string& name) {
  const Manifest manifest = read_manifest(checkpoint);
  return manifest.parts.contains(name) ? manifest.parts[name].dump() : std::string();
}

std::vector<TensorView> CheckpointStore::tensors(const fs::path& checkpoint) { return read_manifest(checkpoint).tensors; }

CheckpointEntry CheckpointStore::find(const std::string& which) const {
  const std::vector<CheckpointEntry> all = list();
  const auto first = [&](auto&& fits) {
    const auto found = std::find_if(all.begin(), all.end(), fits);
    return found == all.end() ? std::nullopt : std::optional(*found);
  };
  std::optional<CheckpointEntry> found;
  if (which == "best" || which == "latest") {
    if (const auto path = marker(which)) found = first([&](const auto& e) { return e.path == *path; });
  } else if (which.starts_with('@')) {
    const std::string until = last_second(which.substr(1));
    for (const CheckpointEntry& entry : all) {
      if (entry.time <= until && (!found || entry.time > found->time)) found = entry;
    }
  } else {
    const std::string step = which.starts_with("step-") ? which.substr(5) : which;
    found = first([&](const auto& e) { return e.name == which || std::to_string(e.step) == step; });
  }
  if (found) return *found;
  std::vector<std::string> names;
  for (const CheckpointEntry& entry : all) names.push_back(entry.name + (entry.good() ? "" : " (" + entry.fault + ")"));
  throw ConfigError(
      cat("no checkpoint '", which, "' in ", folder_.string(), "; there ", names.empty() ? "is none" : "are " + join(names)));
}

void CheckpointStore::remove(const fs::path& checkpoint) {
  const fs::path part = checkpoint.string() + ".part";
  rename_durably(checkpoint, part);
  fail_at(fault::kDuringPrune);
  std::error_code error;
  fs::remove_all(part, error);
  if (error) throw StorageError(cat("cannot remove ", part.string(), ": ", error.message()));
}

std::vector<std::string> CheckpointStore::remove_leftovers() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder_, error)) {
    const std::string name = item.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".part")) names.push_back(name);
  }
  for (const std::string& name : names) {
    fs::remove_all(folder_ / name, error);
    if (error) throw StorageError(cat("cannot remove ", (folder_ / name).string(), ": ", error.message()));
  }
  return names;
}

void CheckpointStore::set_marker(const std::string& marker, const fs::path& checkpoint) const {
  write_file_atomic(folder_ / marker, checkpoint.filename().string() + "\n");
}

std::optional<fs::path> CheckpointStore::marker(const std::string& marker) const {
  std::error_code error;
  if (!fs::is_regular_file(folder_ / marker, error)) return std::nullopt;
  std::string name = read_text(folder_ / marker);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  if (name.empty() || name.find('/') != std::string::npos || !fs::is_directory(folder_ / name, error)) return std::nullopt;
  return folder_ / name;
}

}  // namespace dltonic::store
