/// The kinds of RecordingSource; make_source chooses.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dltonic/events/decoder.h"
#include "dltonic/events/idx.h"
#include "dltonic/events/source.h"
#include "events/file_tree.h"
#include "events/layouts.h"

namespace dltonic::events {

/// Gives `out`, whose events are there, everything else that a recording is known by.
void complete_recording(const SourceItem& item, int width, int height, Recording& out);

/// Recordings in files of cameras.
class TreeSource : public RecordingSource {
 public:
  explicit TreeSource(const SourceOptions& options);

 protected:
  /// The file as it is decoded, neither checked nor placed.
  DecodeReport decode_file(std::size_t file, std::span<const std::byte> bytes, Recording& out) const;
  /// Brings events into the order of their times or demands it, and onto the canvas or demands that.
  void check_and_place(Recording& recording, bool may_step_back, ReadNotes& notes) const;
  void hash_items(const std::string& more);

  FileTree tree_;
  std::optional<Format> format_;  ///< none: found out for each file
  DecodeOptions decode_;
  bool centred_, sort_;
};

/// One recording a file, in class folders (layouts.h).
class FolderSource : public TreeSource {
 public:
  explicit FolderSource(const SourceOptions& options);
  ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const override;

 private:
  std::vector<std::size_t> files_;  ///< [item] of the tree
};

/// DVS128 Gesture: each span of a recording's labels is a recording.
class GestureSource : public TreeSource {
 public:
  explicit GestureSource(const SourceOptions& options);
  ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const override;

 private:
  GestureTrials trials_;
};

/// One image a file, in class folders: [{Train,Test}/]<class>/**.{png,pgm,ppm}, also in archives. Images are drawn with their
/// place among those that train or have no split, among those of the test 2^31 higher.
class ImageFolderSource : public TreeSource {
 public:
  explicit ImageFolderSource(const SourceOptions& options);
  ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const override;

 private:
  std::vector<std::size_t> files_;      ///< [item] of the tree
  std::vector<std::uint32_t> indices_;  ///< [item]
  bool scales_ = false;
  int image_width_ = 0, image_height_ = 0;
  std::optional<Simulator> simulator_;
};

/// Recordings of strokes.h: train groups from 0 on, test groups from 2^31 on.
class StrokeSource : public RecordingSource {
 public:
  explicit StrokeSource(const SourceOptions& options);
  ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const override;
  bool fingerprint_is_content() const override { return true; }

 private:
  StrokeSimulator simulator_;
  std::vector<std::uint32_t> groups_;  ///< [item]
};

/// Image i of the train files is drawn with index i, of the test files with index 2^31 + i, whatever is left out.
class ImageSource : public RecordingSource {
 public:
  explicit ImageSource(const SourceOptions& options);
  ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const override;
  bool fingerprint_is_content() const override { return true; }

 private:
  struct Origin {
    const ImageSet* set;
    std::uint32_t image, index;
  };
  void add_part(const ImageSet& set, Split split, const std::set<std::uint32_t>& left_out);
  Simulator simulator_for(const ImageSet& set) const;

  SimulatorOptions simulator_;
  ImageSet train_, test_;
  std::optional<Simulator> train_simulator_, test_simulator_;  ///< none for a part without images
  std::vector<Origin> origins_;                                ///< [item]
};

/// The indices in a file of `SimulatorOptions::exclude`. Throws DataError with file and line.
std::set<std::uint32_t> read_index_list(const std::filesystem::path& path, const std::string& rows_start_with);

}  // namespace dltonic::events
