#include <string_view>

#include "dltonic/core/text.h"
#include "dltonic/events/augment.h"

namespace dltonic::events {
namespace {

/// A larger shear does not fit map_linear's sums.
constexpr double kMostShear = 45;
constexpr int kLargestSensor = 65535;

}  // namespace

void AugmentationOptions::bind(config::Section& s) {
  const auto probability = [&s](const char* name, double& value, std::string what) {
    s.key(name, value, std::move(what)).min(0).max(1);
  };
  const auto chance = [&](const char* name, double& value) {
    probability(cat(name, "_p").c_str(), value, cat("probability of ", name));
  };
  probability("reverse_time", reverse_time, "probability of playing a recording backwards, polarities changed");
  s.key("time_skew", time_skew, "times are multiplied by a factor within 1 ± this (no use with mode time_bins)")
      .min(0)
      .below(1);
  chance("time_skew", time_skew_p);
  s.key("delete_time", delete_time, "share of the duration that is cut out, the rest joined").min(0).below(1);
  chance("delete_time", delete_time_p);
  s.key("time_jitter_us", time_jitter_us, "standard deviation of a normal number added to each event's time")
      .unit("us")
      .min(0)
      .max(1e7);
  chance("time_jitter", time_jitter_p);
  probability("flip_x", flip_x, "probability of mirroring left and right (not for digits or gestures)");
  probability("flip_y", flip_y, "probability of mirroring top and bottom");
  s.key("shear", shear, "x is sheared by up to this angle, either way").unit("degrees").min(0).max(kMostShear);
  chance("shear", shear_p);
  s.key("rotate", rotate, "rotation about the centre by up to this angle, either way").unit("degrees").min(0).max(180);
  chance("rotate", rotate_p);
  s.key("roll", roll, "random shift by up to this in x and in y, round the sensor's edges")
      .unit("pixels")
      .min(0)
      .max(kLargestSensor);
  chance("roll", roll_p);
  s.key("shift", shift, "random shift by up to this in x and in y; what leaves the sensor is dropped")
      .unit("pixels")
      .min(0)
      .max(kLargestSensor);
  chance("shift", shift_p);
  s.key("spatial_jitter", spatial_jitter, "standard deviation of normal numbers added to each event's x and y")
      .unit("pixels")
      .min(0)
      .max(1000);
  chance("spatial_jitter", spatial_jitter_p);
  probability("flip_polarity", flip_polarity, "probability of exchanging ON and OFF");
  s.key("drop", drop, "share of the events that is dropped, each apart").min(0).below(1);
  chance("drop", drop_p);
  s.key("drop_time", drop_time, "events of a random span of this share of the duration are dropped").min(0).below(1);
  chance("drop_time", drop_time_p);
  s.key("drop_area", drop_area, "events of a random box of this share of the sensor's area are dropped").min(0).below(1);
  chance("drop_area", drop_area_p);
  probability(
      "event_drop", event_drop,
      "probability of dropping by chance, by time or by area (one of them), with random shares as in EventDrop; 0.75 is "
      "the paper's");
  s.key("noise", noise, "random events added, as a share of the recording's").min(0).max(100);
  chance("noise", noise_p);
  probability("event_mix", event_mix,
              "probability of mixing with another training recording inside a random mask in space and time; labels are mixed");
  probability("cut_mix", cut_mix,
              "probability of taking a random box from another training recording (where not event_mix); labels are mixed");
  s.key("mix_alpha", mix_alpha, "event_mix, cut_mix: the share that stays is drawn from Beta(alpha, alpha)").above(0).max(1000);
  s.check("cut_mix", [this]() -> std::string {
    if (event_mix + cut_mix <= 1) return {};
    return cat("event_mix ", event_mix, " and cut_mix ", cut_mix, " add up to more than 1: a recording is mixed in one way");
  });
}

std::string AugmentationOptions::describe() const {
  std::string text;
  const auto add = [&text](std::string_view name, double value, double p) {
    if (value <= 0 || p <= 0) return;
    text += cat(text.empty() ? "" : ", ", name, " ", value);
    if (p < 1) text += cat(" (p ", p, ")");
  };
  add("reverse_time", reverse_time, 1);
  add("time_skew", time_skew, time_skew_p);
  add("delete_time", delete_time, delete_time_p);
  add("time_jitter_us", time_jitter_us, time_jitter_p);
  add("flip_x", flip_x, 1);
  add("flip_y", flip_y, 1);
  add("shear", shear, shear_p);
  add("rotate", rotate, rotate_p);
  add("roll", roll, roll_p);
  add("shift", shift, shift_p);
  add("spatial_jitter", spatial_jitter, spatial_jitter_p);
  add("flip_polarity", flip_polarity, 1);
  add("drop", drop, drop_p);
  add("drop_time", drop_time, drop_time_p);
  add("drop_area", drop_area, drop_area_p);
  add("event_drop", event_drop, 1);
  add("noise", noise, noise_p);
  add("event_mix", event_mix, 1);
  add("cut_mix", cut_mix, 1);
  return text;
}

bool AugmentationOptions::any() const { return !describe().empty(); }

}  // namespace dltonic::events
