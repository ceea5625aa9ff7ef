#include <algorithm>
#include <charconv>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "dltonic/events/atis.h"
#include "events/sources.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;

/// Sorted names of the folders (or of the files with the ending .bin) in a folder; hidden ones are passed over.
struct Listing {
  std::vector<std::string> folders;
  std::vector<std::pair<std::string, std::uint64_t>> recordings;  ///< name, bytes
};
Listing list(const fs::path& path) {
  Listing listing;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      if (entry.is_directory()) {
        listing.folders.push_back(name);
      } else if (name.ends_with(".bin")) {
        listing.recordings.emplace_back(name, entry.file_size());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw DataError(cat("cannot list ", path.string(), ": ", error.code().message()));
  }
  std::sort(listing.folders.begin(), listing.folders.end());
  std::sort(listing.recordings.begin(), listing.recordings.end());
  return listing;
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

std::optional<std::string> find_part(const fs::path& root, std::initializer_list<const char*> names) {
  std::error_code ignored;
  for (const char* name : names) {
    if (fs::is_directory(root / name, ignored)) return name;
  }
  return std::nullopt;
}

}  // namespace

FolderSource::FolderSource(const SourceOptions& options) : root_(options.root), folder_(root_) {
  width_ = options.sensor_width;
  height_ = options.sensor_height;
  origin_ = cat(options.root, " (atis)");
  const auto train = find_part(root_, {"Train", "train"}), test = find_part(root_, {"Test", "test"});
  if (!train && !test)
    throw DataError(cat(options.root, " holds no folder Train or Test: the layout is <root>/{Train,Test}/<label>/*.bin"));

  std::vector<std::string> train_labels, test_labels;
  if (train) train_labels = list(root_ / *train).folders;
  if (test) test_labels = list(root_ / *test).folders;
  if (train && test) {
    for (const auto& [labels, others, here, there] :
         {std::tuple{&train_labels, &test_labels, *train, *test}, {&test_labels, &train_labels, *test, *train}}) {
      for (const std::string& label : *labels) {
        if (!std::binary_search(others->begin(), others->end(), label)) {
          throw DataError(cat(options.root, ": label folder ", here, "/", label, " has no counterpart ", there, "/", label));
        }
      }
    }
  }
  classes_ = train ? train_labels : test_labels;
  if (classes_.empty())
    throw DataError(cat((root_ / *(train ? train : test)).string(), " is empty: label folders with .bin files are expected"));
  if (classes_.size() > 65535)
    throw DataError(cat(options.root, ": ", classes_.size(), " label folders, at most 65535 classes are supported"));
  sort_labels(classes_);
  if (train) add_part(*train, Split::train);
  if (test) add_part(*test, Split::test);

  Sha256 hash;
  hash.update(cat("atis sensor ", width_, "x", height_, "\n"));
  for (const SourceItem& item : items_)
    hash.update(cat(item.name, ' ', item.label, ' ', static_cast<int>(item.split), ' ', item.bytes, '\n'));
  fingerprint_ = hash.hex();
}

void FolderSource::add_part(const std::string& folder, Split split) {
  for (std::size_t label = 0; label < classes_.size(); ++label) {
    const std::string name = cat(folder, '/', classes_[label]);
    const Listing listing = list(root_ / name);
    if (listing.recordings.empty()) throw DataError(cat((root_ / name).string(), " holds no .bin file"));
    for (const auto& [file, bytes] : listing.recordings)
      items_.push_back({cat(name, '/', file), static_cast<std::uint16_t>(label), split, bytes});
  }
}

void FolderSource::read(std::size_t i, Recording& out) const {
  thread_local std::vector<std::byte> buffer;
  const SourceItem& item = items_[i];
  std::span<const std::byte> content;
  try {
    content = folder_.read(item.name, item.bytes, buffer);
  } catch (const StorageError& error) {
    throw DataError(cat(item.name, ": ", error.what()));
  }
  with_context(item.name, [&, this] {
    const DecodeReport report = decode_atis(content, out.events);
    check_inside(out.events, width_, height_);
    if (report.back_steps > 0) check_times(out.events);
  });
  complete_recording(item, width_, height_, out);
}

std::string FolderSource::content_hash() const {
  Sha256 hash;
  hash.update(fingerprint_);
  std::vector<std::byte> buffer;
  for (const SourceItem& item : items_) hash.update(folder_.read(item.name, item.bytes, buffer));
  return hash.hex();
}

}  // namespace dltonic::events
