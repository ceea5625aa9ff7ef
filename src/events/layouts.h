/// How data sets lie in folders, as their archives unpack.
///
///   folder       [{Train,Test}/]<class>/**: any format
///   nmnist       {Train,Test}/<0 … 9>/*.bin
///   cifar10dvs   <class>/*.aedat or *.aedat4, ten classes
///   ncaltech101  <class>/*.bin
///   ncars        n-cars_{train,test}/{background,cars}/*.dat
///   dvsgesture   user01_fluorescent.aedat + user01_fluorescent_labels.csv, trials_to_{train,test}.txt; or the repack
///                ibmGesture{Train,Test}/user01_fluorescent/<0 … 10>.npy
/// All of it may lie in one folder more (Caltech101/, DvsGesture/, …).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dltonic/events/decoder.h"
#include "dltonic/events/gesture_labels.h"
#include "dltonic/events/source.h"
#include "events/file_tree.h"

namespace dltonic::events {

/// A file that is one recording.
struct FoundRecording {
  std::size_t file = 0;  ///< of the tree
  std::uint16_t label = 0;
  Split split = Split::none;
  std::uint16_t subject = 65535;
};
struct FoundRecordings {
  std::vector<std::string> classes;
  std::vector<FoundRecording> recordings;  ///< train before test before none, by class, by name
};

/// Whether `layout` names one of the layouts above; and those names.
const std::vector<std::string>& layout_names();

/// The recordings of any layout but dvsgesture. `format`: whose endings count; none: all that are known. Throws DataError that
/// says what is missing and where it was looked for.
FoundRecordings find_recordings(const FileTree& tree, const std::string& layout, std::optional<Format> format);

/// The PNG, PGM and PPM files of layout folder. Throws DataError as above.
FoundRecordings find_images(const FileTree& tree);

/// The recordings of DVS128 Gesture.
struct GestureTrials {
  struct Trial {
    std::size_t file = 0, labels_file = 0;
    Split split = Split::none;
    std::uint16_t subject = 65535;
    std::vector<GestureSpan> spans;
  };
  std::vector<Trial> trials;  ///< of the original; train before test, by name
  FoundRecordings repack;     ///< of the .npy repack, where there is no original
};
GestureTrials find_gestures(const FileTree& tree);
/// The eleven gestures, without spaces.
const std::vector<std::string>& gesture_classes();

}  // namespace dltonic::events
