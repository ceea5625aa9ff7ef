#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "events/sources.h"

namespace dltonic::events {

StrokeSource::StrokeSource(const SourceOptions& options)
    : simulator_(options.strokes, options.simulator, options.sensor_width, options.sensor_height) {
  width_ = options.sensor_width;
  height_ = options.sensor_height;
  origin_ = "strokes (simulated)";
  for (int label = 0; label < options.strokes.classes; ++label) {
    std::string name;  // "right-down-left-up"
    for (const int stroke : stroke_order(label, options.strokes.classes)) {
      constexpr std::array<const char*, 4> kWords{"right", "down", "left", "up"};
      name += cat(name.empty() ? "" : "-", kWords[static_cast<std::size_t>(stroke)]);
    }
    classes_.push_back(name);
  }
  const auto add = [&](Split split, const char* part, int groups, std::uint32_t first_group) {
    for (std::size_t label = 0; label < classes_.size(); ++label) {
      for (int i = 0; i < groups; ++i) {
        const std::uint32_t group = first_group + static_cast<std::uint32_t>(i);
        units_.push_back({items_.size(), 1, 1});
        items_.push_back({cat(part, " ", classes_[label], " ", i), static_cast<std::uint16_t>(label), split});
        groups_.push_back(group);
      }
    }
  };
  add(Split::train, "train", options.strokes.train, 0);
  add(Split::test, "test", options.strokes.test, 1u << 31);
  Sha256 hash;
  hash.update(cat("sensor ", width_, "x", height_, "\n", options.strokes.describe(), "\n", options.simulator.describe()));
  fingerprint_ = hash.hex();
}

ReadNotes StrokeSource::read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* /*sha256*/) const {
  const SourceItem& item = items_[unit];
  simulator_.simulate(groups_[unit], item.label, scratch.whole.events);
  scratch.whole.t_offset = 0;
  complete_recording(item, width_, height_, scratch.whole);
  take(unit, scratch.whole);
  return {};
}

}  // namespace dltonic::events
