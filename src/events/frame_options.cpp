#include <charconv>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/frames.h"

namespace dltonic::events {
namespace {

/// The shortest text that reads back as the same number.
std::string exactly(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string list(const std::vector<double>& numbers) {
  std::vector<std::string> texts;
  for (const double number : numbers) texts.push_back(exactly(number));
  return "[" + join(texts) + "]";
}

}  // namespace

void FrameOptions::bind(config::Section& section) {
  section
      .key("mode", mode,
           "how a recording is cut: a fixed number of events or a time window a sample, or bins stacked as channels of one "
           "sample")
      .choices({"event_count", "time_window", "time_bins", "event_bins"});
  section.key("bins", bins, "time_bins, event_bins: bins of a sample").min(1).max(4096);
  section.key("events_per_frame", events_per_frame, "event_count: events of a frame").min(1);
  section.key("window_us", window_us, "time_window: length of a frame").unit("us").min(1);
  section.key("overlap", overlap, "event_count, time_window: share of a frame that it has in common with the next")
      .min(0)
      .below(1);
  section.key("polarity", polarity, "keep: OFF and ON events are channels of their own; merge: one channel")
      .choices({"keep", "merge"});
  section
      .key("values", values,
           "what the bits of a pixel say. bits: any event; counts: at least theta events; recency: the last event is at most "
           "theta us older than the end of the frame or bin; voxel: at least theta of the signed sum of events, shared by the "
           "two nearest of equidistant times; time_surface: exp(-age / tau_us) of the last event so far is at least theta")
      .choices({"bits", "counts", "recency", "voxel", "time_surface"});
  section
      .key("dtype", dtype,
           "bits: a bit a threshold, what gate networks read; float16: the number itself, for baselines (counts n, recency "
           "1 - age / span, voxel v in one channel, time_surface exp(-age / tau_us))")
      .choices({"bits", "float16"});
  section
      .key("thresholds", thresholds,
           "ascending; one bit each. With neither these nor quantiles: 1, 2, 4, 8 for counts and 1/8, 1/4, 1/2, 3/4 for "
           "time_surface; recency is fitted at quantiles 1/4, 1/2, 3/4, 1, voxel at 0, 1/2, 3/4")
      .min(0);
  section
      .key("quantiles", quantiles,
           "ascending, in place of thresholds: prepare fits them at these shares of the values of the training recordings")
      .min(0)
      .max(1);
  section.key("tau_us", tau_us, "time_surface: after this time a value is 1/e").unit("us").above(0);
  section.key("downsample", downsample, "a frame's pixel takes the events of a square of this many sensor pixels a side")
      .unit("pixels")
      .min(1);
  section.key("downsample_count", downsample_count, "values bits: events of such a square that set a bit").min(1);
  section.key("compat", compat, "tonic: frames and filters exactly as Tonic 1.7 makes them").choices({"none", "tonic"});
  section.key("incomplete", incomplete, "tonic only: keep a last frame that is not full (by default it is always kept)");
  section.check("overlap", [this]() -> std::string {
    const bool bins_mode = mode == "time_bins" || mode == "event_bins";
    if (compat == "none" && bins_mode && overlap > 0) {
      return cat("bins of mode ", mode, " do not overlap, but overlap is ", overlap, "; set it to 0, or compat to tonic");
    }
    return {};
  });
  for (const char* key : {"values", "dtype", "thresholds", "quantiles", "downsample_count"}) {
    section.check(key, [this, prefix = std::string(key) + ": "]() -> std::string {
      const std::string fault = values_fault();
      return fault.starts_with(prefix) ? fault.substr(prefix.size()) : std::string();
    });
  }
}

std::string FrameOptions::describe() const {
  std::string text = cat("mode=", mode);
  switch (frame_mode()) {
    case FrameMode::event_count:
      text += cat(" events_per_frame=", events_per_frame);
      break;
    case FrameMode::time_window:
      text += cat(" window_us=", window_us);
      break;
    case FrameMode::time_bins:
    case FrameMode::event_bins:
      text += cat(" bins=", bins);
      break;
  }
  text += cat(" overlap=", fixed(overlap, 9), " polarity=", polarity, " downsample=", downsample, " compat=", compat);
  if (downsample_count != 1) text += cat(" downsample_count=", downsample_count);
  const FrameValues kind = frame_values();
  if (numbers()) {
    text += cat(" values=", values, " dtype=", dtype);
  } else if (kind != FrameValues::bits) {
    const auto at = fitted_quantiles();
    text += cat(" values=", values, at.empty() ? " thresholds=" : " quantiles=", list(at.empty() ? known_thresholds() : at));
  }
  if (kind == FrameValues::time_surface) text += cat(" tau_us=", exactly(tau_us));
  if (compat_kind() == Compat::tonic) text += cat(" incomplete=", incomplete);
  return text;
}

FrameMode FrameOptions::frame_mode() const {
  if (mode == "event_count") return FrameMode::event_count;
  if (mode == "time_window") return FrameMode::time_window;
  if (mode == "time_bins") return FrameMode::time_bins;
  if (mode == "event_bins") return FrameMode::event_bins;
  throw ConfigError(cat("frames: unknown mode \"", mode, "\"; use event_count, time_window, time_bins or event_bins"));
}

Compat FrameOptions::compat_kind() const {
  if (compat == "none") return Compat::none;
  if (compat == "tonic") return Compat::tonic;
  throw ConfigError(cat("frames: unknown compat \"", compat, "\"; use none or tonic"));
}

FrameValues FrameOptions::frame_values() const {
  if (values == "bits") return FrameValues::bits;
  if (values == "counts") return FrameValues::counts;
  if (values == "recency") return FrameValues::recency;
  if (values == "voxel") return FrameValues::voxel;
  if (values == "time_surface") return FrameValues::time_surface;
  throw ConfigError(cat("frames: unknown values \"", values, "\"; use bits, counts, recency, voxel or time_surface"));
}

bool FrameOptions::numbers() const {
  if (dtype == "bits") return false;
  if (dtype == "float16") return true;
  throw ConfigError(cat("frames: unknown dtype \"", dtype, "\"; use bits or float16"));
}

int FrameOptions::planes() const { return numbers() && frame_values() == FrameValues::voxel ? 1 : polarities(); }

int FrameOptions::levels() const {
  if (numbers()) return 1;
  const auto fitted = fitted_quantiles();
  return static_cast<int>(fitted.empty() ? known_thresholds().size() : fitted.size());
}

std::vector<double> FrameOptions::known_thresholds() const {
  const FrameValues kind = frame_values();
  if (numbers()) return {};
  if (kind == FrameValues::bits) return {static_cast<double>(downsample_count)};
  if (!thresholds.empty() || !quantiles.empty()) return thresholds;
  if (kind == FrameValues::counts) return {1, 2, 4, 8};
  if (kind == FrameValues::time_surface) return {0.125, 0.25, 0.5, 0.75};
  return {};
}

std::vector<double> FrameOptions::fitted_quantiles() const {
  if (numbers() || frame_values() == FrameValues::bits || !thresholds.empty()) return {};
  if (!quantiles.empty()) return quantiles;
  if (frame_values() == FrameValues::recency) return {0.25, 0.5, 0.75, 1};
  if (frame_values() == FrameValues::voxel) return {0, 0.5, 0.75};
  return {};
}

std::string FrameOptions::thresholds_text() const { return list(known_thresholds()); }

std::string FrameOptions::values_fault() const {
  const FrameValues kind = frame_values();
  const auto unsorted = [](const std::vector<double>& numbers) {
    for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
      if (!(numbers[i] < numbers[i + 1])) return true;
    }
    return false;
  };
  if (numbers()) {
    if (kind == FrameValues::bits)
      return "dtype: values bits are bits; for float16 use values counts, recency, voxel or time_surface";
    if (!thresholds.empty() || !quantiles.empty())
      return cat(thresholds.empty() ? "quantiles" : "thresholds", ": are for dtype bits; float16 takes the numbers themselves");
  }
  if (kind == FrameValues::bits) {
    if (!thresholds.empty()) return "thresholds: values bits have none; for at least theta events use values counts";
    if (!quantiles.empty()) return "quantiles: values bits have no thresholds to fit; use values counts";
  } else if (downsample_count != 1) {
    return cat("downsample_count: is for values bits; values ", values, numbers() ? " are numbers" : " have thresholds");
  }
  if (downsample_count < 1) return cat("downsample_count: is ", downsample_count, ", must be at least 1");
  if (!thresholds.empty() && !quantiles.empty()) return "quantiles: thresholds are given, too; set one of the two lists";
  if (unsorted(thresholds)) return cat("thresholds: must ascend, but are ", list(thresholds));
  if (unsorted(quantiles)) return cat("quantiles: must ascend, but are ", list(quantiles));
  if (!quantiles.empty() && !(quantiles.front() >= 0 && quantiles.back() <= 1))
    return cat("quantiles: must lie in [0, 1], but are ", list(quantiles));
  if (!thresholds.empty()) {
    const double least = thresholds.front(), most = thresholds.back();
    if (!(least >= 0) || !(most < 1e15)) return cat("thresholds: must lie in [0, 1e15), but are ", list(thresholds));
    if (kind == FrameValues::counts && least < 1)
      return cat("thresholds: of counts must be at least 1, but one is ", exactly(least));
    if (kind == FrameValues::voxel && least == 0) return "thresholds: of voxel must be above 0, where no event is";
    if (kind == FrameValues::time_surface && most > 1)
      return cat("thresholds: a time surface is at most 1, but one threshold is ", exactly(most));
  }
  if (kind == FrameValues::time_surface && !(tau_us > 0))
    return cat("values: tau_us is ", exactly(tau_us), ", must be above 0");
  if (kind == FrameValues::voxel && (frame_mode() != FrameMode::time_bins || compat_kind() != Compat::none))
    return cat("values: a voxel grid has mode time_bins and compat none, not ", mode, " and ", compat);
  return {};
}

bool FrameOptions::merged() const {
  if (polarity == "keep") return false;
  if (polarity == "merge") return true;
  throw ConfigError(cat("frames: unknown polarity \"", polarity, "\"; use keep or merge"));
}

int channels(const FrameOptions& options) {
  const FrameMode mode = options.frame_mode();
  const bool stacked = mode == FrameMode::time_bins || mode == FrameMode::event_bins;
  return (stacked ? options.bins : 1) * options.planes() * options.levels();
}

int downsampled(int extent, const FrameOptions& options) { return (extent + options.downsample - 1) / options.downsample; }

}  // namespace dltonic::events
