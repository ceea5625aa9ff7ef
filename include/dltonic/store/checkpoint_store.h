/// Checkpoints as directories: what is in them, whether they are good, which is newest. Policy (when to save, what to
/// keep) is train's.
///   step-<n>_<UTC>/state.h5        one dataset a tensor, named as the tensor; each rank wrote a contiguous part of the file
///   step-<n>_<UTC>/manifest.json   written last: schema, version, step, size and checksum of state.h5, the list of tensors,
///                                  and what the caller gave (config, versions, world size, metrics)
/// A directory is made as `<name>.part` and renamed when it is complete and on the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/tensor_view.h"

namespace dltonic::store {

/// One checkpoint as it lies on the disk.
struct CheckpointEntry {
  std::filesystem::path path;
  std::string name;  ///< "step-1200_20261122T220657Z"
  std::int64_t step = 0;
  std::string time;         ///< "20261122T220657Z"
  std::uint64_t bytes = 0;  ///< of state.h5
  std::string fault;        ///< why it is not good; "" where manifest and sizes are right
  bool good() const { return fault.empty(); }
};

/// What a save did, for figures and the journal of verified copies.
struct SaveReport {
  std::uint64_t bytes = 0;     ///< of state.h5
  std::string state_checksum;  ///< as the manifest has it
  double durable_s = 0;        ///< from the call until all bytes of state.h5 are on the disk
  double verified_s = 0;       ///< and read back
  double seconds = 0;          ///< the whole call
  double cpu_s = 0;            ///< CPU time of it, of all ranks together
};

class CheckpointStore {
 public:
  /// `folder` holds the checkpoints; it is made by the first save.
  explicit CheckpointStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  const std::filesystem::path& folder() const { return folder_; }

  /// Saves tensors that every rank holds alike (each writes its part of the file). `parts` go into the manifest under
  /// their names; each is JSON text. The file is read back and compared with memory before the checkpoint gets its name.
  /// Nothing is saved where one of the first `finite` tensors holds a value that is not. Returns the new directory. On
  /// failure nothing is left and StorageError is thrown, agreed; DataError, agreed, where ranks give different tensors.
  /// collective
  std::filesystem::path save(comm::World& world, std::int64_t step, std::span<const TensorView> tensors,
                             const std::vector<std::pair<std::string, std::string>>& parts, SaveReport* report = nullptr,
                             std::size_t finite = 0);

  /// Reads `checkpoint` into the views, the same on every rank and on any number of ranks; the checksum is verified
  /// first. Throws DataError, agreed, with a list of all differences where names, types or shapes differ from the views,
  /// and with the reason where the checkpoint is damaged. Tensors that it has beside them are a difference, too, unless
  /// `others` are left alone. collective
  enum class Others { refused, left };
  static void load(comm::World& world, const std::filesystem::path& checkpoint, std::span<const TensorView> tensors,
                   Others others = Others::refused);

  /// The manifest's part `name` (JSON text), "" where there is none. Throws DataError for an unreadable manifest.
  static std::string part(const std::filesystem::path& checkpoint, const std::string& name);
  /// Names, types and shapes of its tensors (data: null). Throws DataError for an unreadable manifest.
  static std::vector<TensorView> tensors(const std::filesystem::path& checkpoint);

  /// All checkpoints, newest (highest step, then time) first; each looked at without reading state.h5. Any rank, alone.
  std::vector<CheckpointEntry> list() const;
  /// The whole check: "" where the checksum of state.h5 is the manifest's, else what is wrong. Any rank, alone.
  static std::string verify(const std::filesystem::path& checkpoint);
  /// Newest checkpoint that verify() finds nothing wrong with. Every broken one that is passed over on the way is
  /// described in `skipped`, one line each. Root looks, all get the answer. collective
  std::optional<CheckpointEntry> newest_good(comm::World& world, std::vector<std::string>* skipped = nullptr) const;

  /// The checkpoint that `which` means: "best", "latest", a name, "step-<n>" or "<n>" (its newest), "@<time>" (the last one
  /// saved at or before it, UTC: "@2026-11-22 22:06", down to "@2026-11-22" for the end of that day). Each looked at without
  /// reading state.h5. ConfigError that lists what there is where it means none. Any rank, alone.
  CheckpointEntry find(const std::string& which) const;

  /// Deletes a checkpoint so that no half of it ever bears a good name. Any rank, alone. Throws StorageError.
  static void remove(const std::filesystem::path& checkpoint);
  /// Deletes what killed jobs left behind (*.part). Returns their names. Any rank, alone, with no save under way.
  std::vector<std::string> remove_leftovers() const;

  /// Small text files beside the checkpoints ("latest", "best") that hold a checkpoint's name, written atomically.
  void set_marker(const std::string& marker, const std::filesystem::path& checkpoint) const;
  /// The checkpoint that a marker names, if marker and directory exist.
  std::optional<std::filesystem::path> marker(const std::string& marker) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace dltonic::store
