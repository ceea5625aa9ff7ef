#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/filters.h"

namespace dltonic::events {
namespace {

constexpr int kLargestSensor = 65535;  // coordinates have 16 bits

/// Where a centred crop begins; negative where it is larger than the sensor (rounded down, as Tonic does).
int centred(int sensor, int size) { return sensor >= size ? (sensor - size) / 2 : -((size - sensor + 1) / 2); }

std::string words(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) text += cat(text.empty() ? "" : "x", value);
  return text;
}

}  // namespace

void FilterOptions::bind(config::Section& section) {
  section.key("start_us", start_us, "drop events before this time of the recording").unit("us").min(0);
  section.key("end_us", end_us, "drop events from this time on; 0: none").unit("us").min(0);
  section.key("hot_pixel_hz", hot_pixel_hz, "drop pixels that fire more often than this over the recording; 0: off")
      .unit("Hz")
      .min(0);
  section
      .key("hot_pixel_sd", hot_pixel_sd,
           "drop pixels with more events than the mean of the pixels that fired plus this many standard deviations; 0: off")
      .min(0);
  section.key("refractory_us", refractory_us, "drop events of a pixel up to this time after its last one; 0: off")
      .unit("us")
      .min(0);
  section.key("denoise_us", denoise_us, "keep an event only if one of its 4 neighbours fired less than this before it; 0: off")
      .unit("us")
      .min(0);
  section.key("decimation", decimation, "keep every n-th event of each pixel; 1: off").min(1);
  section.key("crop", crop, "[x, y, width, height]: keep this rectangle of the sensor; []: off")
      .unit("pixels")
      .min(0)
      .max(kLargestSensor);
  section
      .key("center_crop", center_crop,
           "[width, height]: keep this much around the sensor's centre, padded where larger; []: off")
      .unit("pixels")
      .min(1)
      .max(kLargestSensor);
  section.key("downsample", downsample, "coordinates are divided by this factor, no event is dropped; 1: off")
      .unit("pixels")
      .min(1)
      .max(kLargestSensor);
  section.key("time_step_us", time_step_us, "times are rounded down to multiples of this; 1: off").unit("us").min(1);
  section.check("end_us", [this]() -> std::string {
    if (end_us == 0 || end_us > start_us) return {};
    return cat("nothing lies between start_us ", start_us, " and end_us ", end_us, "; end_us must be larger, or 0 for no end");
  });
  section.check("crop", [this]() -> std::string {
    if (crop.empty()) return {};
    if (crop.size() != 4) return cat("crop has ", crop.size(), " numbers, must have 4: x, y, width, height");
    if (crop[2] < 1 || crop[3] < 1) return cat("crop is ", crop[2], " x ", crop[3], " pixels, must be at least 1 x 1");
    if (!center_crop.empty()) return "crop and center_crop exclude each other; set one of them to []";
    return {};
  });
  section.check("center_crop", [this]() -> std::string {
    if (center_crop.empty() || center_crop.size() == 2) return {};
    return cat("center_crop has ", center_crop.size(), " numbers, must have 2: width, height");
  });
}

std::string FilterOptions::describe() const {
  std::string text = cat("refractory_us=", refractory_us, " denoise_us=", denoise_us);
  // The others stand there only where they are on: what was prepared before they came keeps its key.
  if (start_us > 0 || end_us > 0) text += cat(" start_us=", start_us, " end_us=", end_us);
  if (hot_pixel_hz > 0) text += cat(" hot_pixel_hz=", fixed(hot_pixel_hz, 9));
  if (hot_pixel_sd > 0) text += cat(" hot_pixel_sd=", fixed(hot_pixel_sd, 9));
  if (decimation > 1) text += cat(" decimation=", decimation);
  if (!crop.empty()) text += cat(" crop=", words(crop));
  if (!center_crop.empty()) text += cat(" center_crop=", words(center_crop));
  if (downsample > 1) text += cat(" downsample=", downsample);
  if (time_step_us > 1) text += cat(" time_step_us=", time_step_us);
  return text;
}

bool FilterOptions::any() const { return describe() != FilterOptions{}.describe(); }

std::vector<int> FilterOptions::crop_of(SensorSize sensor) const {
  if (center_crop.empty()) return crop;
  return {centred(sensor.width, center_crop[0]), centred(sensor.height, center_crop[1]), center_crop[0], center_crop[1]};
}

SensorSize FilterOptions::size_after(SensorSize sensor) const {
  if (!crop.empty() && (crop[0] + crop[2] > sensor.width || crop[1] + crop[3] > sensor.height)) {
    throw ConfigError(cat("data.filters.crop ends at x ", crop[0] + crop[2], ", y ", crop[1] + crop[3],
                          ", beyond the sensor of ", sensor.width, " x ", sensor.height,
                          " pixels; use a smaller one, or center_crop, which pads"));
  }
  if (const auto kept = crop_of(sensor); !kept.empty()) sensor = {kept[2], kept[3]};
  const auto divided = [this](int extent) { return (extent + downsample - 1) / downsample; };
  return {divided(sensor.width), divided(sensor.height)};
}

}  // namespace dltonic::events
