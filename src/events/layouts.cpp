#include "events/layouts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

struct Part {
  Split split;
  std::vector<std::string> names;  ///< the first of them that is there counts
};

struct Layout {
  std::vector<std::string> wrappers;  ///< a folder that all of it may lie in
  std::vector<Part> parts;
  bool parts_needed;
  std::vector<std::string> classes;  ///< all of these must be there, and no others; empty: the folders that are there
  std::vector<std::string> endings;  ///< of recordings, if no format is given
  std::string picture;               ///< for messages
};

const std::map<std::string, Layout>& layouts() {
  static const std::vector<std::string> any{".bin", ".bs2", ".aedat", ".aedat4", ".dat", ".npy"};
  static const std::vector<Part> train_test{{Split::train, {"Train", "train"}}, {Split::test, {"Test", "test"}}};
  static const std::map<std::string, Layout> table{
      {"folder", {{}, train_test, false, {}, any, "<root>/[{Train,Test}/]<class>/ with recordings"}},
      {"nmnist",
       {{"N-MNIST", "NMNIST", "nmnist"},
        train_test,
        true,
        {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
        {".bin"},
        "<root>/{Train,Test}/<label>/*.bin"}},
      {"cifar10dvs",
       {{"CIFAR10DVS", "CIFAR10-DVS", "cifar10dvs", "extract"},
        {},
        false,
        {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
        {".aedat", ".aedat4"},
        "<root>/<class>/*.aedat or *.aedat4"}},
      {"ncaltech101",
       {{"Caltech101", "N-Caltech101", "ncaltech101"}, {}, false, {}, {".bin"}, "<root>/Caltech101/<class>/*.bin"}},
      {"ncars",
       {{"Prophesee_Dataset_n_cars", "N-CARS", "ncars"},
        {{Split::train, {"n-cars_train", "ncars-train", "train", "Train"}},
         {Split::test, {"n-cars_test", "ncars-test", "test", "Test"}}},
        true,
        {"background", "cars"},
        {".dat"},
        "<root>/n-cars_{train,test}/{background,cars}/*.dat"}}};
  return table;
}

std::vector<std::string> endings_of(Format format) {
  switch (format) {
    case Format::atis:
      return {".bin", ".bs2"};
    case Format::aedat2:
    case Format::aedat3:
      return {".aedat"};
    case Format::aedat4:
      return {".aedat4"};
    case Format::dat:
      return {".dat"};
    case Format::npy:
      return {".npy"};
  }
  return {};
}

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "10" after "9" where all names are numbers.
void sort_labels(std::vector<std::string>& labels) {
  if (!std::all_of(labels.begin(), labels.end(), [](const std::string& label) { return number_in(label).has_value(); })) return;
  std::stable_sort(labels.begin(), labels.end(),
                   [](const std::string& a, const std::string& b) { return number_in(a) < number_in(b); });
}

bool ends_with_any(const std::string& path, const std::vector<std::string>& endings) {
  return std::any_of(endings.begin(), endings.end(), [&](const std::string& ending) { return path.ends_with(ending); });
}

/// Looks for the recordings of one layout.
class Finder {
 public:
  Finder(const FileTree& tree, const std::string& name, std::optional<Format> format)
      : Finder(tree, name, format ? endings_of(*format) : layouts().at(name).endings) {}
  Finder(const FileTree& tree, const std::string& name, std::vector<std::string> endings)
      : tree_(tree), layout_(layouts().at(name)), endings_(std::move(endings)) {}

  FoundRecordings find() {
    base_ = base();
    const auto parts = parts_at(base_);
    if (parts.empty() && layout_.parts_needed) {
      std::vector<std::string> wanted;
      for (const Part& part : layout_.parts) wanted.push_back(part.names[0]);
      throw DataError(cat(tree_.root(), " holds no folder ", join(wanted, " or "), ": the layout is ", layout_.picture));
    }
    if (parts.empty()) {
      add(base_, Split::none, labels_below(base_));
      if (found_.recordings.empty()) nothing();
      return std::move(found_);
    }
    std::vector<std::vector<std::string>> labels;
    for (const auto& [folder, split] : parts) labels.push_back(labels_below(folder));
    for (std::size_t a = 0; a < parts.size(); ++a) {
      for (const std::string& label : labels[a]) {
        for (std::size_t b = 0; b < parts.size(); ++b) {
          if (std::find(labels[b].begin(), labels[b].end(), label) != labels[b].end()) continue;
          throw DataError(cat(tree_.root(), ": ", parts[a].first, label, " holds recordings, ", parts[b].first, label,
                              " holds none (", join(endings_, ", "), ")"));
        }
      }
    }
    for (std::size_t i = 0; i < parts.size(); ++i) add(parts[i].first, parts[i].second, labels[i]);
    if (found_.recordings.empty()) nothing();
    return std::move(found_);
  }

 private:
  bool is_recording(const std::string& path) const { return ends_with_any(path, endings_); }
  bool holds_recordings(const std::string& folder) const {
    const auto [first, last] = tree_.below(folder);
    for (std::size_t i = first; i < last; ++i) {
      if (is_recording(tree_.files()[i].path)) return true;
    }
    return false;
  }

  std::vector<std::pair<std::string, Split>> parts_at(const std::string& folder) const {
    std::vector<std::pair<std::string, Split>> parts;
    for (const Part& part : layout_.parts) {
      for (const std::string& name : part.names) {
        if (!tree_.has_folder(cat(folder, name, '/'))) continue;
        parts.emplace_back(cat(folder, name, '/'), part.split);
        break;
      }
    }
    return parts;
  }

  /// Where the layout begins: the root, or a folder in it that holds all, or, where a data set's own names tell that it is
  /// the right one, a folder in that (what publishers put around an archive).
  std::string base() const {
    const bool has_names = !layout_.wrappers.empty();
    std::string folder;
    for (int depth = 0; depth < (has_names ? 4 : 2); ++depth) {
      if (!parts_at(folder).empty()) return folder;
      for (const std::string& name : layout_.wrappers) {
        if (tree_.has_folder(cat(folder, name, '/'))) return cat(folder, name, '/');
      }
      if (!layout_.parts_needed && !layout_.classes.empty() && tree_.has_folder(cat(folder, layout_.classes[0], '/')))
        return folder;
      const auto folders = tree_.folders_in(folder);
      if (depth > 0 && !layout_.parts_needed && folders.size() > 1) return folder;
      if (folders.size() != 1) return "";
      folder += folders[0] + "/";
    }
    return "";
  }

  [[noreturn]] void nothing() const {
    throw DataError(cat(tree_.root(), " holds no recordings (", join(endings_, ", "), "): the layout is ", layout_.picture));
  }

  std::vector<std::string> labels_below(const std::string& folder) const {
    auto labels = tree_.folders_in(folder);
    std::erase_if(labels, [&](const std::string& label) { return !holds_recordings(cat(folder, label, '/')); });
    return labels;
  }

  void choose_classes(const std::string& folder, std::vector<std::string> labels) {
    if (!layout_.classes.empty()) {
      for (const std::string& name : layout_.classes) {
        if (std::find(labels.begin(), labels.end(), name) == labels.end()) {
          throw DataError(cat(tree_.root(), ": there are no recordings of class ", name, " (", folder, name,
                              "/): the data set has ", layout_.classes.size(), " classes; is its archive missing?"));
        }
      }
      found_.classes = layout_.classes;
      return;
    }
    if (labels.size() > 65535)
      throw DataError(cat(tree_.root(), ": ", labels.size(), " label folders, at most 65535 classes are supported"));
    sort_labels(labels);
    found_.classes = std::move(labels);
  }

  void add(const std::string& folder, Split split, const std::vector<std::string>& labels) {
    if (found_.classes.empty() && !labels.empty()) choose_classes(folder, labels);
    for (std::size_t label = 0; label < found_.classes.size(); ++label) {
      const auto [first, last] = tree_.below(cat(folder, found_.classes[label], '/'));
      for (std::size_t i = first; i < last; ++i) {
        if (is_recording(tree_.files()[i].path))
          found_.recordings.push_back({i, static_cast<std::uint16_t>(label), split, 65535});
      }
    }
  }

  const FileTree& tree_;
  const Layout& layout_;
  std::vector<std::string> endings_;
  std::string base_;
  FoundRecordings found_;
};

}  // namespace

const std::vector<std::string>& layout_names() {
  static const std::vector<std::string> names{"folder", "nmnist", "cifar10dvs", "dvsgesture", "ncaltech101", "ncars"};
  return names;
}

FoundRecordings find_recordings(const FileTree& tree, const std::string& layout, std::optional<Format> format) {
  return Finder(tree, layout, format).find();
}

FoundRecordings find_images(const FileTree& tree) {
  return Finder(tree, "folder", std::vector<std::string>{".png", ".PNG", ".pgm", ".ppm"}).find();
}

}  // namespace dltonic::events
