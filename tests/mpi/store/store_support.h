/// Recordings and files that the tests of store share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/events/recording.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/frame_file.h"

namespace dltonic::test {

/// Recording i of an endless made-up data set; every seventh has no events.
inline events::Recording made_recording(std::uint32_t i) {
  Random random(5, Use::test, i);
  events::Recording r;
  r.events.resize(i % 7 == 3 ? 0 : 1 + random.below(4000));
  std::uint32_t t = 0;
  for (std::size_t e = 0; e < r.events.size(); ++e) {
    r.events.x[e] = static_cast<std::uint16_t>(random.below(34));
    r.events.y[e] = static_cast<std::uint16_t>(random.below(34));
    r.events.t[e] = t += random.below(100);
    r.events.p[e] = static_cast<std::uint8_t>(random.below(2));
  }
  r.label = static_cast<std::uint16_t>(i % 3);
  r.width = r.height = 34;
  r.t_offset = -1000000000000 + i;
  r.duration = t;
  r.split = i % 4 == 0 ? events::Split::test : events::Split::train;
  r.subject = static_cast<std::uint16_t>(i % 5);
  r.source = cat("Train/", i % 3, "/", std::string(i % 11, 'a'), i, ".bin");
  return r;
}

inline bool same(const events::Recording& a, const events::Recording& b) {
  return a.events.x == b.events.x && a.events.y == b.events.y && a.events.t == b.events.t && a.events.p == b.events.p &&
         a.label == b.label && a.width == b.width && a.height == b.height && a.t_offset == b.t_offset &&
         a.duration == b.duration && a.split == b.split && a.subject == b.subject && a.source == b.source;
}

inline store::EventFileInfo event_info() {
  return {{"zero", "eins", "zw\xc3\xb6lf"},
          34,
          34,
          "x to the right, y down",
          "abc123",
          R"({"format":"atis","filters":{"denoise_us":0}})",
          {"Train/7/x.bin: cut"}};
}

inline std::vector<store::RecordingInfo> event_table(std::uint32_t recordings) {
  std::vector<store::RecordingInfo> table;
  for (std::uint32_t i = 0; i < recordings; ++i) {
    const auto r = made_recording(i);
    table.push_back({0, r.events.size(), r.label, r.width, r.height, r.t_offset, r.duration, r.split, r.subject, r.source});
  }
  return table;
}

inline store::FrameFileInfo frame_info(std::size_t recordings) {
  store::FrameFileInfo info{2,
                            5,
                            7,
                            {"a", "b", "c"},
                            {},
                            "abc123",
                            R"({"frames":{"bins":10,"polarity":"kept"},"source":"abc123"})",
                            {1, 2.5, 1.0 / 3}};
  for (std::uint32_t i = 0; i < recordings; ++i) {
    const auto r = made_recording(i);
    info.recordings.push_back({0, 0, r.label, r.width, r.height, r.t_offset, r.duration, r.split, r.subject, r.source});
  }
  return info;
}

/// Row i of an endless made-up set of frames of 70 bits.
inline void fill_row(BitMatrix& rows, std::size_t row, std::uint32_t i) {
  Random random(6, Use::test, i);
  for (std::size_t bit = 0; bit < rows.bits(); ++bit) {
    if (random.below(3) == 0) rows.set(row, bit);
  }
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& item : std::filesystem::directory_iterator(folder)) names.push_back(item.path().filename().string());
  return names;
}

}  // namespace dltonic::test
