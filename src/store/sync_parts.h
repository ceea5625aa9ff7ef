/// What the files of sync share.
#pragma once

#include <filesystem>
#include <string>

#include "dltonic/core/error.h"
#include "dltonic/store/sync.h"

namespace dltonic::store {

struct Decision {
  SyncAction action;
  std::string why;
};

/// keep, verify or copy; `bytes`: what would be read. Reads contents only for options.checksum.
Decision decide_file(const std::filesystem::path& from, const std::filesystem::path& to, const SyncOptions& options,
                     std::uint64_t& bytes);
/// `fault`: what is wrong with the source, as CheckpointStore::list says it.
Decision decide_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to, const std::string& fault,
                           const SyncOptions& options);

/// Makes a folder at the destination, with its parents below options.anchor. Throws StorageError.
void make_destination(const std::filesystem::path& folder, const SyncOptions& options);

/// Checksum of a file, of the same kind as `like` (manifest.h), with options.stop asked between pieces.
std::string checksum_like(const std::string& like, const std::filesystem::path& file, const SyncOptions& options = {});

/// Not to be copied: half files, locks, and what describes this copy rather than the thing itself.
bool is_private_name(const std::string& name);

}  // namespace dltonic::store
