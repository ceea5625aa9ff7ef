#include <algorithm>
#include <charconv>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "events/layouts.h"

namespace dltonic::events {
namespace {

constexpr int kGestures = 11;
constexpr std::uint16_t kLastTrainUser = 23;  ///< users 24 to 29 test
constexpr const char* kPicture =
    "<root>/[DvsGesture/]user01_fluorescent.aedat beside user01_fluorescent_labels.csv and trials_to_train.txt, "
    "trials_to_test.txt; "
    "or <root>/ibmGesture{Train,Test}/user01_fluorescent/<0 … 10>.npy";

/// 1 of "user01_led", 65535 of other names.
std::uint16_t user_of(const std::string& name) {
  std::uint16_t user = 65535;
  if (name.starts_with("user")) std::from_chars(name.data() + 4, name.data() + name.size(), user);
  return user;
}

std::string text_of(const FileTree& tree, std::size_t file) {
  std::vector<std::byte> buffer;
  const auto bytes = tree.read(file, buffer);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> lines_of(const FileTree& tree, std::size_t file) {
  std::vector<std::string> lines;
  const std::string text = text_of(tree, file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

/// The folder that holds the recordings of the original: of the first .aedat file, which has its labels beside it.
std::optional<std::string> folder_of_original(const FileTree& tree) {
  for (const TreeFile& file : tree.files()) {
    if (!file.path.ends_with(".aedat")) continue;
    const std::size_t slash = file.path.rfind('/');
    return slash == std::string::npos ? std::string() : file.path.substr(0, slash + 1);
  }
  return std::nullopt;
}

GestureTrials::Trial trial_of(const FileTree& tree, std::size_t file, Split split) {
  const std::string& path = tree.files()[file].path;
  const std::string stem = path.substr(0, path.size() - std::string(".aedat").size());
  const std::size_t slash = stem.rfind('/');
  GestureTrials::Trial trial;
  trial.file = file;
  trial.split = split;
  trial.subject = user_of(slash == std::string::npos ? stem : stem.substr(slash + 1));
  const auto labels = tree.find(stem + "_labels.csv");
  if (!labels) throw DataError(cat(tree.root(), ": ", path, " has no labels beside it: ", stem, "_labels.csv is missing"));
  trial.labels_file = *labels;
  with_context(stem + "_labels.csv", [&] {
    trial.spans = parse_gesture_labels(text_of(tree, *labels));
    for (const GestureSpan& span : trial.spans) {
      if (span.gesture > kGestures) throw DataError(cat("class ", span.gesture, ", there are ", kGestures, " gestures"));
    }
  });
  return trial;
}

GestureTrials find_original(const FileTree& tree, const std::string& folder) {
  GestureTrials found;
  const auto train = tree.find(folder + "trials_to_train.txt"), test = tree.find(folder + "trials_to_test.txt");
  if (train.has_value() != test.has_value()) {
    throw DataError(cat(tree.root(), ": ", folder, train ? "trials_to_test.txt" : "trials_to_train.txt",
                        " is missing: without both lists the published split is not known"));
  }
  std::set<std::size_t> listed;
  if (train) {
    for (const auto& [list, split] : {std::pair{*train, Split::train}, {*test, Split::test}}) {
      auto names = lines_of(tree, list);
      std::sort(names.begin(), names.end());
      for (const std::string& name : names) {
        const auto file = tree.find(folder + name);
        if (!file)
          throw DataError(cat(tree.root(), ": ", tree.files()[list].path, " names ", name,
                              ", which is not there: the data set is not whole"));
        if (listed.insert(*file).second) found.trials.push_back(trial_of(tree, *file, split));
      }
    }
  }
  const auto [first, last] = tree.below(folder);
  std::size_t unlisted = 0;
  for (const Split split : {Split::train, Split::test}) {
    for (std::size_t i = first; i < last; ++i) {
      const std::string& path = tree.files()[i].path;
      if (!path.ends_with(".aedat") || listed.contains(i)) continue;
      if (train) {
        unlisted += split == Split::train ? 1 : 0;
        continue;
      }
      if ((user_of(path.substr(folder.size())) <= kLastTrainUser) == (split == Split::train))
        found.trials.push_back(trial_of(tree, i, split));
    }
  }
  if (!train)
    log::info(
        cat(tree.root(), " has no trials_to_train.txt: users 1 to ", kLastTrainUser, " train, the others test, as published"));
  if (unlisted > 0)
    log::warn(cat(tree.root(), ": ", unlisted,
                  " recordings stand neither in trials_to_train.txt nor in trials_to_test.txt; they are left out"));
  return found;
}

FoundRecordings find_repack(const FileTree& tree) {
  FoundRecordings found;
  for (const auto& [part, split] : {std::pair{"ibmGestureTrain/", Split::train}, {"ibmGestureTest/", Split::test}}) {
    for (std::size_t i = 0; i < tree.files().size(); ++i) {
      const std::string& path = tree.files()[i].path;
      const std::size_t at = path.find(part);
      if (!path.ends_with(".npy") || at == std::string::npos || (at > 0 && path[at - 1] != '/')) continue;
      const std::string inner = path.substr(at + std::string(part).size());
      const std::size_t slash = inner.rfind('/');
      const std::string label_text = inner.substr(slash == std::string::npos ? 0 : slash + 1,
                                                  inner.size() - 4 - (slash == std::string::npos ? 0 : slash + 1));
      int label = -1;
      const auto [end, error] = std::from_chars(label_text.data(), label_text.data() + label_text.size(), label);
      if (error != std::errc{} || end != label_text.data() + label_text.size() || label < 0 || label >= kGestures)
        throw DataError(cat(tree.root(), ": ", path, " is not named by its class, 0 to ", kGestures - 1));
      found.recordings.push_back({i, static_cast<std::uint16_t>(label), split, user_of(inner)});
    }
  }
  return found;
}

}  // namespace

const std::vector<std::string>& gesture_classes() {
  static const std::vector<std::string> names{"hand_clapping",
                                              "right_hand_wave",
                                              "left_hand_wave",
                                              "right_arm_clockwise",
                                              "right_arm_counter_clockwise",
                                              "left_arm_clockwise",
                                              "left_arm_counter_clockwise",
                                              "arm_roll",
                                              "air_drums",
                                              "air_guitar",
                                              "other_gestures"};
  return names;
}

GestureTrials find_gestures(const FileTree& tree) {
  if (const auto folder = folder_of_original(tree)) return find_original(tree, *folder);
  GestureTrials found;
  found.repack = find_repack(tree);
  if (found.repack.recordings.empty())
    throw DataError(cat(tree.root(), " holds no recordings of DVS128 Gesture: the layout is ", kPicture));
  found.repack.classes = gesture_classes();
  return found;
}

}  // namespace dltonic::events
