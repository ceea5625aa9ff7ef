/// Checkpoints and whole trees: what is to be copied, in which order.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/journal.h"
#include "dltonic/store/lock.h"
#include "store/ledger.h"
#include "store/manifest.h"
#include "store/part_file.h"
#include "store/process_id.h"
#include "store/sync_parts.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;

/// "step-.../state.h5", as the ledger beside the checkpoints names it.
std::string state_name(const fs::path& checkpoint) { return (checkpoint.filename() / kStateFile).string(); }

bool is_checkpoint_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && fs::exists(path / kManifestFile, error);
}

std::uint64_t bytes_of(const fs::path& checkpoint) {
  std::error_code error;
  std::uint64_t sum = 0;
  for (const auto& entry : fs::directory_iterator(checkpoint, error)) {
    const auto bytes = entry.is_regular_file(error) ? entry.file_size(error) : 0;
    if (!error) sum += bytes;
  }
  return sum;
}

std::string fault_of(const fs::path& checkpoint) {
  for (const auto& entry : CheckpointStore(checkpoint.parent_path()).list()) {
    if (entry.path.filename() == checkpoint.filename()) return entry.fault;
  }
  return "no such checkpoint";
}

/// Order of work: config and metrics are small and let a copied checkpoint be used; a marker comes after what it names.
enum Stage { kPlain, kCheckpoint, kBesideCheckpoints };
struct Found {
  SyncItem item;
  Stage stage;
};

/// Without a destination nothing is there.
fs::path below_to(const fs::path& to, const fs::path& below) { return to.empty() ? fs::path{} : to / below; }

void walk(const fs::path& from, const fs::path& to, const fs::path& below, const SyncOptions& options,
          std::vector<Found>& found) {
  const fs::path folder = from / below;
  std::vector<std::string> folders, files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (is_private_name(name) || entry.is_symlink(error)) continue;
    if (entry.is_directory(error)) folders.push_back(name);
    else if (entry.is_regular_file(error)) files.push_back(name);
  }
  std::sort(folders.begin(), folders.end());
  std::sort(files.begin(), files.end());
  // After the folders: one that is saved in between would else be taken for a plain folder and copied as loose files.
  const auto checkpoints = CheckpointStore(folder).list();
  std::set<std::string> checkpoint_names;
  for (const auto& entry : checkpoints) {
    checkpoint_names.insert(entry.name);
    try {
      const auto decision = decide_checkpoint(entry.path, below_to(to, below / entry.name), entry.fault, options);
      found.push_back({{below / entry.name, true, decision.action, bytes_of(entry.path), decision.why}, kCheckpoint});
    } catch (const Error&) {
      if (fs::exists(entry.path)) throw;  // else: pruned between the listing and now
    }
  }
  for (const auto& name : files) {
    std::uint64_t bytes = 0;
    Decision decision{SyncAction::skip, {}};
    try {
      decision = decide_file(folder / name, below_to(to, below / name), options, bytes);
    } catch (const Error&) {
      if (fs::exists(folder / name, error)) throw;
      continue;  // gone between the listing and now
    }
    found.push_back({{below / name, false, decision.action, bytes, decision.why},
                     checkpoints.empty() && folder.filename() != "checkpoints" ? kPlain : kBesideCheckpoints});
  }
  for (const auto& name : folders) {
    if (!checkpoint_names.contains(name)) walk(from, to, below / name, options, found);
  }
}

/// What only the destination has.
void find_extra(const fs::path& from, const fs::path& to, const fs::path& below, std::vector<SyncItem>& items) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(to / below, error)) {
    const fs::path name = below / entry.path().filename();
    if (is_private_name(name.filename().string()) || entry.is_symlink(error)) continue;
    const bool is_checkpoint = is_checkpoint_folder(entry.path());
    if (!fs::exists(from / name, error)) {
      if (is_checkpoint) items.push_back({name, true, SyncAction::remove, bytes_of(entry.path()), "only there"});
      else if (entry.is_regular_file(error))
        items.push_back({name, false, SyncAction::remove, entry.file_size(error), "only there"});
    }
    if (!is_checkpoint && entry.is_directory(error)) find_extra(from, to, name, items);
  }
}

bool holds(const fs::path& checkpoint, const Manifest& manifest, const SyncOptions& options) {
  return checksum_like(manifest.state_checksum, checkpoint / kStateFile, options) == manifest.state_checksum;
}

fs::path joined(const fs::path& tree, const fs::path& below) { return below == "." ? tree : tree / below; }

}  // namespace

bool is_private_name(const std::string& name) {
  static const std::set<std::string> kNames{kLedgerFile, kJournalFile, kRunLockFile};
  return kNames.contains(name) || name.ends_with(".part") || name.ends_with(kLeaseEnd) || is_temporary(name) ||
         name.starts_with(".dltonic-probe-") ||
         name.starts_with("collectives-rank");  // of a running job, rewritten all the time
}

const char* action_name(SyncAction action) {
  switch (action) {
    case SyncAction::keep:
      return "keep";
    case SyncAction::verify:
      return "verify";
    case SyncAction::copy:
      return "copy";
    case SyncAction::remove:
      return "remove";
    case SyncAction::skip:
      break;
  }
  return "skip";
}

Decision decide_checkpoint(const fs::path& from, const fs::path& to, const std::string& fault, const SyncOptions& options) {
  if (!fault.empty()) return {SyncAction::skip, fault};
  if (!is_checkpoint_folder(to)) return {SyncAction::copy, "new"};
  // The manifest holds size and checksum of the state: where both have the same one, the copy has only to be what it says.
  if (read_text(from / kManifestFile) != read_text(to / kManifestFile)) return {SyncAction::copy, "other manifest"};
  const Manifest manifest = read_manifest(from);
  const auto state = stamp_of(to / kStateFile);
  if (!state || state->bytes != manifest.state_bytes) {
    return {SyncAction::copy,
            cat(with_commas(state ? state->bytes : 0), " bytes there, ", with_commas(manifest.state_bytes), " here")};
  }
  if (options.checksum) {
    const bool equal = holds(to, manifest, options);
    return equal ? Decision{SyncAction::keep, "verified"} : Decision{SyncAction::copy, "other content"};
  }
  const Ledger ledger(to.parent_path());
  const CopyRecord* noted = ledger.find(state_name(to));
  if (noted && noted->copy == *state && noted->checksum == manifest.state_checksum) return {SyncAction::keep, "verified"};
  return {SyncAction::verify, "same size and manifest, never verified"};
}

Copied sync_checkpoint(const fs::path& from, const fs::path& to, const SyncOptions& options) {
  std::error_code error;
  if (fs::equivalent(from, to, error)) return {};
  const Decision decision = decide_checkpoint(from, to, fault_of(from), options);
  if (decision.action == SyncAction::skip) throw DataError(cat(from.string(), " is not copied: ", decision.why));
  const Manifest manifest = read_manifest(from);
  Copied result{.bytes = bytes_of(from), .checksum = manifest.state_checksum};
  const auto tell_all = [&] {
    if (options.on_bytes) options.on_bytes(result.bytes);
    return result;
  };
  const auto note = [&] {
    const auto source = stamp_of(from / kStateFile), copy = stamp_of(to / kStateFile);
    if (source && copy) Ledger(to.parent_path()).record(state_name(to), {*source, *copy, manifest.state_checksum});
  };
  if (decision.action == SyncAction::keep) return tell_all();
  if (decision.action == SyncAction::verify && holds(to, manifest, options)) {
    note();
    return tell_all();
  }

  make_destination(to.parent_path(), options);
  const fs::path part = adopt_part(to);
  make_destination(part, options);
  SyncOptions each = options;
  each.growing = false;
  try {
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(from)) {
      const auto name = entry.path().filename();
      if (entry.is_regular_file() && name != kManifestFile && !is_private_name(name.string())) names.push_back(name);
    }
    names.push_back(kManifestFile);  // last: a folder that has one is whole
    for (const auto& name : names) {
      const Copied one = sync_file(from / name, part / name, each);
      result.resumed += one.resumed + (one.copied ? 0 : one.bytes);
      if (name != kStateFile) continue;
      const bool is_first = manifest.state_checksum.starts_with(kSha256Kind);
      const std::string found = is_first ? checksum_like(manifest.state_checksum, part / name, options) : one.checksum;
      if (found != manifest.state_checksum) {
        fs::remove_all(part, error);
        throw DataError(cat(from.string(), " is damaged: ", kStateFile, " has checksum ", found, ", ", manifest.state_checksum,
                            " expected"));
      }
    }
    fs::remove(part / kLedgerFile, error);
    sync_path(part);
    if (fs::exists(to)) CheckpointStore::remove(to);  // it was found broken above
    rename_durably(part, to);
  } catch (...) {
    if (!options.keep_part) fs::remove_all(part, error);
    throw;
  }
  result.copied = true;
  note();
  return result;
}

std::vector<SyncItem> plan_sync(const fs::path& from, const fs::path& to, const SyncOptions& options) {
  if (!fs::exists(from)) throw DataError(cat("cannot copy ", from.string(), ": no such file or folder"));
  if (!fs::is_directory(from)) {
    std::uint64_t bytes = 0;
    const Decision decision = decide_file(from, to, options, bytes);
    return {{".", false, decision.action, bytes, decision.why}};
  }
  const bool is_step = from.filename().string().starts_with("step-");
  if (is_step && is_checkpoint_folder(from)) {
    const Decision decision = decide_checkpoint(from, to, fault_of(from), options);
    return {{".", true, decision.action, bytes_of(from), decision.why}};
  }
  std::vector<Found> found;
  walk(from, to, {}, options, found);
  std::stable_sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.stage < b.stage; });
  std::vector<SyncItem> items;
  for (Found& one : found) items.push_back(std::move(one.item));
  if (options.remove_extra) find_extra(from, to, {}, items);
  return items;
}

void remove_orphan_parts(const fs::path& from, const fs::path& to) {
  const fs::path ours = from / "checkpoints", theirs = to / "checkpoints";
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(theirs, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".part")) names.insert(name.substr(0, name.find('.')));
  }
  const auto holder = living_holder(to / kRunLockFile);
  const bool is_used = holder && (holder->host != host_name() || holder->process != ::getpid());
  for (const std::string& name : names) {
    // CheckpointStore::remove's, or a save's under way where a run trains in that folder; a copy's names its owner.
    if (!is_used) fs::remove_all(theirs / (name + ".part"), error);
    if (fs::exists(ours / name, error)) continue;
    remove_stale_parts(theirs / name);
    fs::remove_all(part_file(theirs / name), error);
  }
}

Copied apply_sync(const fs::path& from, const fs::path& to, const SyncItem& item, const SyncOptions& options) {
  const fs::path source = joined(from, item.path), copy = joined(to, item.path);
  switch (item.action) {
    case SyncAction::skip:
      throw DataError(cat(source.string(), " is not copied: ", item.why));
    case SyncAction::remove: {
      if (item.is_checkpoint) {
        CheckpointStore::remove(copy);
      } else {
        std::error_code error;
        fs::remove(copy, error);
        if (error) throw StorageError(cat("cannot remove ", copy.string(), ": ", error.message()));
      }
      return {};
    }
    default:
      return item.is_checkpoint ? sync_checkpoint(source, copy, options) : sync_file(source, copy, options);
  }
}

}  // namespace dltonic::store
