#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "events/sources.h"

namespace dltonic::events {
namespace {

/// The events of `whole` within a span; times count from its start. Where `sorted`, the span is found by bisection.
void cut_span(const Recording& whole, const GestureSpan& span, bool sorted, Recording& out) {
  const std::int64_t from = span.start_us - whole.t_offset, to = span.end_us - whole.t_offset;
  const Events& all = whole.events;
  const auto before = [](std::uint32_t t, std::int64_t limit) { return static_cast<std::int64_t>(t) < limit; };
  std::size_t first = 0, last = all.size();
  if (sorted) {
    first = static_cast<std::size_t>(std::lower_bound(all.t.begin(), all.t.end(), from, before) - all.t.begin());
    last = static_cast<std::size_t>(std::lower_bound(all.t.begin(), all.t.end(), to, before) - all.t.begin());
  }
  Events& events = out.events;
  events.clear();
  for (std::size_t i = first; i < last; ++i) {
    const auto t = static_cast<std::int64_t>(all.t[i]);
    if (t < from || t >= to) continue;
    events.x.push_back(all.x[i]);
    events.y.push_back(all.y[i]);
    events.t.push_back(static_cast<std::uint32_t>(t - from));
    events.p.push_back(all.p[i]);
  }
  out.t_offset = span.start_us;
  out.width = whole.width;
  out.height = whole.height;
}

}  // namespace

GestureSource::GestureSource(const SourceOptions& options) : TreeSource(options), trials_(find_gestures(tree_)) {
  classes_ = gesture_classes();
  std::string spans;
  for (const GestureTrials::Trial& trial : trials_.trials) {
    const TreeFile& file = tree_.files()[trial.file];
    if (trial.spans.empty()) continue;
    units_.push_back({items_.size(), trial.spans.size(), file.bytes});
    for (std::size_t i = 0; i < trial.spans.size(); ++i) {
      const GestureSpan& span = trial.spans[i];
      if (span.end_us - span.start_us > std::int64_t{0xffffffff})
        throw DataError(cat(file.path, ": gesture ", i, " lasts longer than 2^32 us"));
      items_.push_back({cat(file.path, '#', i), static_cast<std::uint16_t>(span.gesture - 1), trial.split, trial.subject});
      spans += cat(span.start_us, ' ', span.end_us, '\n');
    }
  }
  std::erase_if(trials_.trials, [](const GestureTrials::Trial& trial) { return trial.spans.empty(); });  // one a unit
  for (const FoundRecording& recording : trials_.repack.recordings) {
    const TreeFile& file = tree_.files()[recording.file];
    units_.push_back({items_.size(), 1, file.bytes});
    items_.push_back({file.path, recording.label, recording.split, recording.subject});
  }
  hash_items(spans);
}

ReadNotes GestureSource::read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256) const {
  ReadNotes notes;
  const bool original = trials_.repack.recordings.empty();
  const std::size_t file = original ? trials_.trials[unit].file : trials_.repack.recordings[unit].file;
  DecodeReport report;
  with_context(tree_.files()[file].path, [&] {
    const auto bytes = tree_.read(file, scratch.bytes);
    if (sha256 != nullptr) *sha256 = sha256_hex(bytes);
    report = decode_file(file, bytes, scratch.whole);
    notes.invalid_events = report.invalid;
  });
  const SourceUnit& part = units_[unit];
  for (std::size_t k = 0; k < part.count; ++k) {
    const SourceItem& item = items_[part.first + k];
    if (original) cut_span(scratch.whole, trials_.trials[unit].spans[k], report.back_steps == 0, scratch.part);
    Recording& recording = original ? scratch.part : scratch.whole;
    with_context(item.name, [&] { check_and_place(recording, report.back_steps > 0, notes); });
    complete_recording(item, recording.width, recording.height, recording);
    take(part.first + k, recording);
  }
  return notes;
}

}  // namespace dltonic::events
