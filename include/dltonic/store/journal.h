/// Which copy of which checkpoint was read back and found whole, on scratch and on project storage: a small file beside the
/// markers `latest` and `best`, so that pruning never deletes the only good one. One JSON object a line, appended and
/// synced; a line that a crash cut off is passed over, and the copy it spoke of counts as not verified.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dltonic::store {

constexpr const char* kJournalFile = "journal.jsonl";

enum class Place { scratch, project };
std::string place_name(Place place);  ///< "scratch", "project"

/// Thread-safe. One object a process and folder, on rank 0; nothing here communicates or enters HDF5.
class Journal {
 public:
  /// `checkpoints`: the folder on scratch that holds the checkpoints. The file is made by the first record.
  explicit Journal(const std::filesystem::path& checkpoints);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The copy of `checkpoint` (its name) at `place` was read back, and its state has this checksum. A save that verified
  /// what it wrote records Place::scratch, the mirror records Place::project. Throws StorageError.
  void record(const std::string& checkpoint, Place place, const std::string& state_checksum);
  /// That copy was removed, or found broken. Throws StorageError.
  void forget(const std::string& checkpoint, Place place);

  std::vector<Place> verified_places(const std::string& checkpoint) const;
  bool verified(const std::string& checkpoint, Place place) const;

  /// Whether the copy of `checkpoint` at `place` may be deleted: not where it would be the last verified copy of any
  /// checkpoint, and not where nothing is known to be verified at all. Looks at memory only.
  bool may_remove(const std::string& checkpoint, Place place) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dltonic::store
