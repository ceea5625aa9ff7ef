#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "dltonic/data/statistics.h"

namespace dltonic::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSteps = 200;  ///< of a rate over time

/// Of integers: the value below which a share q of them lies (the nearest rank), so that it is one of them.
Json spread(std::vector<std::uint64_t> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(std::lround(q * static_cast<double>(values.size() - 1)))];
  };
  double sum = 0, squares = 0;
  for (const std::uint64_t value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const std::uint64_t value : values) squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return {{"mean", mean},          {"sd", std::sqrt(squares / static_cast<double>(values.size()))},
          {"min", values.front()}, {"q05", at(0.05)},
          {"q25", at(0.25)},       {"median", at(0.5)},
          {"q75", at(0.75)},       {"q95", at(0.95)},
          {"max", values.back()}};
}

/// Facts of all recordings that `wanted` accepts.
template <class Wanted>
Json facts_of(const DataStatistics& statistics, Wanted wanted) {
  std::vector<std::uint64_t> events, durations, bits;
  std::uint64_t all = 0, on = 0, samples = 0, set = 0, empty = 0;
  for (const RecordingStatistics& r : statistics.recordings) {
    if (!wanted(r)) continue;
    events.push_back(r.events);
    durations.push_back(r.duration_us);
    bits.push_back(r.samples > 0 ? r.bits / r.samples : 0);
    all += r.events;
    on += r.on;
    samples += r.samples;
    set += r.bits;
    empty += r.events == 0 ? 1 : 0;
  }
  const double features = static_cast<double>(samples) * static_cast<double>(statistics.frame.features());
  return {{"recordings", events.size()},
          {"empty", empty},
          {"events", all},
          {"on_share", all > 0 ? Json(static_cast<double>(on) / static_cast<double>(all)) : Json(nullptr)},
          {"events_per_recording", spread(events)},
          {"duration_us", spread(durations)},
          {"frames", samples},
          {"bits_share", features > 0 ? Json(static_cast<double>(set) / features) : Json(nullptr)},
          {"bits_per_frame", spread(bits)}};
}

/// Events a second and recording in `step_ms` long steps.
Json rate_of(const std::vector<std::int64_t>& by_ms, std::size_t step_ms, std::size_t recordings) {
  Json rate = Json::array();
  for (std::size_t first = 0; first < by_ms.size(); first += step_ms) {
    std::int64_t events = 0;
    for (std::size_t ms = first; ms < std::min(first + step_ms, by_ms.size()); ++ms) events += by_ms[ms];
    rate.push_back(
        std::round(1e3 * static_cast<double>(events) / static_cast<double>(step_ms * std::max<std::size_t>(1, recordings))));
  }
  return rate;
}

Json map_of(const HeatMap& map) {
  return {{"width", map.width}, {"height", map.height}, {"cell", map.cell}, {"off", map.events[0]}, {"on", map.events[1]}};
}

}  // namespace

std::string to_json(const DataStatistics& statistics) {
  std::size_t longest_ms = 1;
  for (const auto& split : statistics.splits) {
    for (const auto& one : split.classes) longest_ms = std::max(longest_ms, one.events_by_ms.size());
  }
  const std::size_t step_ms = (longest_ms + kSteps - 1) / kSteps;
  Json splits = Json::array();
  for (std::size_t s = 0; s < statistics.splits.size(); ++s) {
    const SplitStatistics& split = statistics.splits[s];
    Json out = facts_of(statistics, [&](const auto& r) { return r.split == s; });
    out["name"] = split.name;
    const auto recordings = out["recordings"].get<std::size_t>();
    const double plane =
        static_cast<double>(statistics.frame.features()) / statistics.frame.channels * out["frames"].get<double>();
    for (const std::int64_t bits : split.channel_bits)
      out["channel_bits_share"].push_back(plane > 0 ? static_cast<double>(bits) / plane : 0);
    std::vector<std::int64_t> by_ms;
    for (std::size_t c = 0; c < split.classes.size(); ++c) {
      const ClassStatistics& one = split.classes[c];
      by_ms.resize(std::max(by_ms.size(), one.events_by_ms.size()));
      for (std::size_t ms = 0; ms < one.events_by_ms.size(); ++ms) by_ms[ms] += one.events_by_ms[ms];
      Json of_class = facts_of(statistics, [&](const auto& r) { return r.split == s && r.label == c; });
      of_class["name"] = statistics.classes[c];
      of_class["rate"] = rate_of(one.events_by_ms, step_ms, of_class["recordings"].get<std::size_t>());
      of_class["map"] = map_of(one.map);
      out["classes"].push_back(std::move(of_class));
    }
    out["rate"] = rate_of(by_ms, step_ms, recordings);
    out["map"] = map_of(split.map);
    splits.push_back(std::move(out));
  }
  Json duplicates = Json::array();
  for (const auto& group : statistics.duplicates()) {
    Json names = Json::array();
    for (const std::size_t i : group) {
      const RecordingStatistics& r = statistics.recordings[i];
      names.push_back({{"name", statistics.names[r.item]},
                       {"class", statistics.classes[r.label]},
                       {"split", statistics.splits[r.split].name}});
    }
    duplicates.push_back(std::move(names));
  }
  const FrameShape& frame = statistics.frame;
  return Json{{"name", statistics.name},
              {"source", statistics.source},
              {"sensor", {statistics.width, statistics.height}},
              {"classes", statistics.classes},
              {"frame", {frame.channels, frame.height, frame.width}},
              {"dtype", frame.depth == 1 ? "bits" : "float16"},
              {"rate_step_ms", step_ms},
              {"splits", std::move(splits)},
              {"duplicates", std::move(duplicates)},
              {"skipped", statistics.skipped}}
      .dump();
}

}  // namespace dltonic::data
