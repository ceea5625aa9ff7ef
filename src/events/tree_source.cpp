#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "dltonic/events/checks.h"
#include "events/place.h"
#include "events/sources.h"

namespace dltonic::events {
namespace {

constexpr std::size_t kDetectBytes = 64;

std::optional<Format> format_of(const std::string& word) {
  if (word == "auto" || word == "images") return std::nullopt;
  return format_from(word);
}

}  // namespace

TreeSource::TreeSource(const SourceOptions& options)
    : tree_(options.root, options.unpacked),
      format_(format_of(options.format)),
      centred_(options.placement == "centred"),
      sort_(options.unsorted == "sort") {
  decode_.aedat2 = aedat2_convention_from(options.aedat2_convention);
  decode_.npy_time_us = options.npy_time_us;
  width_ = options.sensor_width;
  height_ = options.sensor_height;
  origin_ = cat(options.root, " (", options.layout, format_ ? cat(", ", name_of(*format_)) : "", ")");
}

DecodeReport TreeSource::decode_file(std::size_t file, std::span<const std::byte> bytes, Recording& out) const {
  const Format format =
      format_ ? *format_ : detect_format(tree_.files()[file].path, bytes.first(std::min(kDetectBytes, bytes.size())));
  return decode(format, bytes, decode_, out);
}

void TreeSource::check_and_place(Recording& recording, bool may_step_back, ReadNotes& notes) const {
  if (may_step_back && !std::is_sorted(recording.events.t.begin(), recording.events.t.end())) {
    if (sort_) {
      sort_by_time(recording.events);
      ++notes.sorted;
    } else {
      try {
        check_times(recording.events);
      } catch (const DataError& error) {
        throw DataError(cat(error.what(), "; data.unsorted=sort sorts such recordings"));
      }
    }
  }
  if (centred_) {
    notes.outside_events += place_centred(recording, width_, height_);
  } else {
    check_inside(recording.events, width_, height_);
    recording.width = static_cast<std::uint16_t>(width_);
    recording.height = static_cast<std::uint16_t>(height_);
  }
}

void TreeSource::hash_items(const std::string& more) {
  std::string text = cat("sensor ", width_, "x", height_, " ", more, "\n");
  for (const SourceUnit& unit : units_) {  // no cat() here: a hundred thousand recordings are to take no time
    text += std::to_string(unit.bytes) + '\n';
    for (std::size_t i = unit.first; i < unit.first + unit.count; ++i) {
      const SourceItem& item = items_[i];
      text += item.name;
      for (const int number : {int{item.label}, static_cast<int>(item.split), int{item.subject}})
        text += ' ' + std::to_string(number);
      text += '\n';
    }
  }
  fingerprint_ = sha256_hex(text);
}

FolderSource::FolderSource(const SourceOptions& options) : TreeSource(options) {
  FoundRecordings found = find_recordings(tree_, options.layout, format_);
  classes_ = std::move(found.classes);
  items_.reserve(found.recordings.size());
  for (const FoundRecording& recording : found.recordings) {
    const TreeFile& file = tree_.files()[recording.file];
    units_.push_back({items_.size(), 1, file.bytes});
    items_.push_back({file.path, recording.label, recording.split, recording.subject});
    files_.push_back(recording.file);
  }
  hash_items("");
}

ReadNotes FolderSource::read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const {
  ReadNotes notes;
  const SourceItem& item = items_[unit];
  with_context(item.name, [&] {
    const auto bytes = tree_.read(files_[unit], scratch.bytes);
    if (sha256 != nullptr) *sha256 = sha256_hex(bytes);
    const DecodeReport report = decode_file(files_[unit], bytes, scratch.whole);
    notes.invalid_events = report.invalid;
    check_and_place(scratch.whole, report.back_steps > 0, notes);
  });
  complete_recording(item, scratch.whole.width, scratch.whole.height, scratch.whole);
  take(unit, scratch.whole);
  return notes;
}

}  // namespace dltonic::events
