#include "app/inspect_recording.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/report/event_pictures.h"
#include "dltonic/store/dsec.h"

namespace dltonic::app {
namespace {

constexpr int kLongSide = 256;      ///< of a slice, pixels: small sensors are enlarged to about this
constexpr int kPlayTime_ms = 2000;  ///< of the animation

/// The sensor that a recording was made with, or the box of its events where the format does not tell.
std::pair<int, int> sensor_of(const events::Recording& recording) {
  if (recording.width > 0 && recording.height > 0) return {recording.width, recording.height};
  const auto extent = [](const std::vector<std::uint16_t>& v) {
    return v.empty() ? 1 : *std::max_element(v.begin(), v.end()) + 1;
  };
  return {extent(recording.events.x), extent(recording.events.y)};
}

}  // namespace

events::Recording read_recording(const std::filesystem::path& path, const events::DecodeOptions& options,
                                 nlohmann::ordered_json& facts) {
  const auto bytes = read_file(path);
  const auto format =
      events::detect_format(path.filename().string(), std::span(bytes).first(std::min<std::size_t>(bytes.size(), 64)));
  events::Recording recording;
  const auto report = with_context(path.string(), [&] { return events::decode(format, bytes, options, recording); });
  facts["kind"] = "recording";
  facts["format"] = events::name_of(format);
  for (const auto& [name, count] : {std::pair{"overflow_rows", report.overflow_rows},
                                    {"back_steps", report.back_steps},
                                    {"wraps", report.wraps},
                                    {"skipped", report.skipped},
                                    {"invalid", report.invalid},
                                    {"other_packets", report.other_packets}}) {
    facts[name] = count;
  }
  return recording;
}

void add_facts(const events::Recording& recording, nlohmann::ordered_json& facts) {
  const events::Events& events = recording.events;
  facts["events"] = events.size();
  if (recording.width > 0) facts["sensor"] = {recording.width, recording.height};
  if (events.empty()) return;
  const auto range = [](const auto& values) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return nlohmann::ordered_json{*least, *most};
  };
  facts["x"] = range(events.x);
  facts["y"] = range(events.y);
  facts["t_offset_us"] = recording.t_offset;
  facts["t_us"] = {events.t.front(), events.t.back()};
  facts["on_share"] = static_cast<double>(std::count(events.p.begin(), events.p.end(), 1)) / static_cast<double>(events.size());
}

void write_recording(const events::Recording& recording, const std::string& name, const InspectOptions& options,
                     nlohmann::ordered_json& facts) {
  auto& written = facts["written"] = nlohmann::ordered_json::array();
  if (!options.dsec.empty()) {
    store::write_dsec(options.dsec, recording);
    written.push_back(options.dsec);
  }
  if (options.draw.empty()) return;
  const std::filesystem::path folder = options.draw;
  make_directories(folder);
  const auto write = [&](const std::string& ending, const std::string& bytes) {
    const auto path = folder / (name + ending);
    write_file_atomic(path, bytes);
    written.push_back(path.string());
  };
  const auto [width, height] = sensor_of(recording);
  const auto& palette = report::event_palette();
  auto slices = report::slices_over_time(recording.events, width, height, options.slices);
  for (auto& slice : slices) slice = report::enlarged(slice, std::max(1, kLongSide / std::max(width, height)));
  write("-slices.png", report::png_bytes(report::contact_sheet(slices, 4), palette));
  write("-slices.gif", report::gif_bytes(slices, palette, kPlayTime_ms / options.slices));
  write("-cloud.png",
        report::png_bytes(report::event_cloud(recording.events, width, height, 960, 540, report::tick_for(recording.duration)),
                          palette));
}

}  // namespace dltonic::app
