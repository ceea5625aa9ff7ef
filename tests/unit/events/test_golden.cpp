// Real recordings against facts that other tools found (golden.csv, Tonic 1.7.0's frames and filters).
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/events/atis.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/source.h"
#include "unit/events/decoding.h"

namespace dltonic::events {
namespace {

const std::string kData = DLTONIC_TEST_DATA;

template <class T>
std::uint64_t sum(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

std::vector<std::map<std::string, std::string>> read_csv(const std::string& path) {
  std::ifstream file(path);
  std::string line, cell;
  std::vector<std::string> names;
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(file, line)) {
    if (line.ends_with('\r')) line.pop_back();
    std::istringstream cells(line);
    std::vector<std::string> values;
    while (std::getline(cells, cell, ',')) values.push_back(cell);
    if (names.empty()) {
      names = values;
      continue;
    }
    rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) rows.back()[names[i]] = values.at(i);
  }
  return rows;
}

TEST(GoldenRecordings, EveryRecordingDecodesToTheKnownEvents) {
  const auto rows = read_csv(kData + "/nmnist/golden.csv");
  ASSERT_EQ(rows.size(), 900u);
  for (const auto& row : rows) {
    SCOPED_TRACE(row.at("file"));
    const auto bytes = read_file(kData + "/nmnist/" + row.at("file"));
    ASSERT_EQ(sha256_hex(bytes), row.at("sha256"));
    const auto fact = [&row](const char* name) { return std::stoull(row.at(name)); };
    Events events, oracle;
    const DecodeReport report = decode_atis(bytes, events);
    EXPECT_EQ(report.events, fact("n_events"));
    EXPECT_EQ(report.overflow_rows, fact("overflow_y240"));
    EXPECT_EQ(report.back_steps, fact("t_backsteps"));
    ASSERT_EQ(events.size(), fact("n_events"));
    EXPECT_EQ((std::vector<std::uint64_t>{events.x.front(), events.y.front(), events.t.front(), events.p.front()}),
              (std::vector<std::uint64_t>{fact("first_x"), fact("first_y"), fact("first_t"), fact("first_p")}));
    EXPECT_EQ((std::vector<std::uint64_t>{events.x.back(), events.y.back(), events.t.back(), events.p.back()}),
              (std::vector<std::uint64_t>{fact("last_x"), fact("last_y"), fact("last_t"), fact("last_p")}));
    EXPECT_EQ(sum(events.x), fact("sum_x"));
    EXPECT_EQ(sum(events.y), fact("sum_y"));
    EXPECT_EQ(sum(events.t), fact("sum_t"));
    EXPECT_EQ(sum(events.p), fact("sum_p"));
    EXPECT_NO_THROW(check_inside(events, 34, 34));
    EXPECT_EQ(decode_atis(bytes, oracle, false), report);
    EXPECT_EQ(encode_atis(events), bytes);  // no overflow rows in these files: the way back is exact
  }
}

TEST(GoldenRecordings, TheSourceListsAndReadsThem) {
  SourceOptions options;
  options.root = kData + "/nmnist";
  const auto source = make_source(options);
  ASSERT_EQ(source->size(), 900u);
  std::map<std::string, std::uint64_t> events;
  for (const auto& row : read_csv(kData + "/nmnist/golden.csv")) events[row.at("file")] = std::stoull(row.at("n_events"));
  Recording recording;
  for (std::size_t i = 0; i < source->size(); ++i) {
    source->read(i, recording);
    EXPECT_EQ(recording.events.size(), events.at(recording.source));
    EXPECT_EQ(std::to_string(recording.label), recording.source.substr(recording.source.find('/') + 1, 1));
  }
}

/// The options that a row's name stands for, e.g. "denoise_1200_event_count_1500_overlap_990".
struct Transform {
  FilterOptions filters;
  FrameOptions frames;
};
Transform transform_named(const std::string& name) {
  Transform transform;
  transform.frames.compat = "tonic";
  std::istringstream words(name);
  std::vector<std::string> parts;
  for (std::string word; std::getline(words, word, '_');) parts.push_back(word);
  const auto number_after = [&parts](const std::string& word) -> std::int64_t {
    const auto at = std::find(parts.begin(), parts.end(), word);
    return at != parts.end() && at + 1 != parts.end() ? std::stoll(*(at + 1)) : 0;
  };
  transform.filters.denoise_us = number_after("denoise");
  transform.filters.refractory_us = number_after("refractory");
  transform.frames.incomplete = parts.back() == "incomplete";
  double length = 1;
  if (name.find("event_count") != std::string::npos) {
    transform.frames.mode = "event_count";
    transform.frames.events_per_frame = static_cast<int>(number_after("count"));
    length = transform.frames.events_per_frame;
  } else if (name.find("time_window") != std::string::npos) {
    transform.frames.mode = "time_window";
    transform.frames.window_us = number_after("window");
    length = static_cast<double>(transform.frames.window_us);
  } else if (name.find("n_time_bins") != std::string::npos) {
    transform.frames.mode = "time_bins";
    transform.frames.bins = static_cast<int>(number_after("bins"));
  } else if (name.find("n_event_bins") != std::string::npos) {
    transform.frames.mode = "event_bins";
    transform.frames.bins = static_cast<int>(number_after("bins"));
  }
  transform.frames.overlap = static_cast<double>(number_after("overlap")) / length;
  return transform;
}

TEST(GoldenTonic, FramesAndFiltersMatch) {
  const auto golden = nlohmann::json::parse(read_text(kData + "/golden/tonic_frames.json"));
  std::size_t frames_seen = 0, filters_seen = 0;
  for (const auto& row : golden.at("rows")) {
    const std::string name = row.at("transform");
    SCOPED_TRACE(row.at("file").get<std::string>() + " " + name);
    const Transform transform = transform_named(name);
    Events events;
    decode_atis(read_file(kData + "/nmnist/" + row.at("file").get<std::string>()), events);
    Filters(transform.filters, Compat::tonic, 34, 34).apply(events);
    if (!row.contains("shape")) {
      EXPECT_EQ(events.size(), row.at("events"));
      EXPECT_EQ(sum(events.x), row.at("sum_x"));
      EXPECT_EQ(sum(events.y), row.at("sum_y"));
      EXPECT_EQ(sum(events.t), row.at("sum_t"));
      EXPECT_EQ(sum(events.p), row.at("sum_p"));
      ++filters_seen;
      continue;
    }
    FrameMaker maker(transform.frames, 34, 34);
    std::vector<std::int16_t> counts;
    const std::size_t samples = maker.append_counts(events, counts);
    EXPECT_EQ(samples * static_cast<std::size_t>(maker.channels()) / 2, row.at("shape")[0].get<std::size_t>());
    EXPECT_EQ(sum(counts), row.at("sum"));
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(counts))), row.at("sha256").get<std::string>());
    BitMatrix bits;
    EXPECT_EQ(maker.append_rows(events, bits), samples);
    EXPECT_EQ(bits.count(), row.at("nonzero"));
    ++frames_seen;
  }
  EXPECT_EQ(frames_seen, 35u);
  EXPECT_EQ(filters_seen, 10u);
}

}  // namespace
}  // namespace dltonic::events
