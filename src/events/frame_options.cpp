#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/frames.h"

namespace dltonic::events {

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
  section.key("downsample", downsample, "a frame's pixel is the OR of a square of this many sensor pixels a side")
      .unit("pixels")
      .min(1);
  section.key("compat", compat, "tonic: frames and filters exactly as Tonic 1.7 makes them").choices({"none", "tonic"});
  section.key("incomplete", incomplete, "tonic only: keep a last frame that is not full (by default it is always kept)");
  section.check("overlap", [this]() -> std::string {
    const bool bins_mode = mode == "time_bins" || mode == "event_bins";
    if (compat == "none" && bins_mode && overlap > 0) {
      return cat("bins of mode ", mode, " do not overlap, but overlap is ", overlap, "; set it to 0, or compat to tonic");
    }
    return {};
  });
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

bool FrameOptions::merged() const {
  if (polarity == "keep") return false;
  if (polarity == "merge") return true;
  throw ConfigError(cat("frames: unknown polarity \"", polarity, "\"; use keep or merge"));
}

int channels(const FrameOptions& options) {
  const FrameMode mode = options.frame_mode();
  const bool stacked = mode == FrameMode::time_bins || mode == FrameMode::event_bins;
  return (stacked ? options.bins : 1) * options.polarities();
}

int downsampled(int extent, const FrameOptions& options) { return (extent + options.downsample - 1) / options.downsample; }

}  // namespace dltonic::events
