/// The kinds of RecordingSource; make_source chooses.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dltonic/core/file.h"
#include "dltonic/events/idx.h"
#include "dltonic/events/source.h"

namespace dltonic::events {

/// Gives `out`, whose events are there, everything else that a recording is known by.
void complete_recording(const SourceItem& item, int width, int height, Recording& out);

/// <root>/{Train,Test}/<label>/*.bin; "train" and "test" are accepted too. One of the parts may be absent; where both are
/// there, they must have the same label folders. Classes are the label folders, in the order of their numbers where all are
/// numbers, of their names otherwise.
class FolderSource : public RecordingSource {
 public:
  explicit FolderSource(const SourceOptions& options);
  void read(std::size_t i, Recording& out) const override;
  std::string content_hash() const override;

 private:
  void add_part(const std::string& folder, Split split);

  std::filesystem::path root_;
  Folder folder_;  ///< root_, kept open
};

/// Image i of the train files is drawn with index i, of the test files with index 2^31 + i, whatever is left out.
class ImageSource : public RecordingSource {
 public:
  explicit ImageSource(const SourceOptions& options);
  void read(std::size_t i, Recording& out) const override;
  std::string content_hash() const override { return fingerprint_; }

 private:
  struct Origin {
    const ImageSet* set;
    std::uint32_t image, index;
  };
  void add_part(const ImageSet& set, Split split, const std::set<std::uint32_t>& left_out);

  SimulatorOptions simulator_;
  ImageSet train_, test_;
  std::optional<Simulator> train_simulator_, test_simulator_;  ///< none for a part without images
  std::vector<Origin> origins_;                                ///< [item]
};

/// The indices in a file of `SimulatorOptions::exclude`. Throws DataError with file and line.
std::set<std::uint32_t> read_index_list(const std::filesystem::path& path, const std::string& rows_start_with);

}  // namespace dltonic::events
