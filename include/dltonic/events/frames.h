/// From events to frames of bits (what training reads) or of counts.
///
/// `event_count` and `time_window` cut a recording into several samples of one frame each; `time_bins` and `event_bins` make
/// one sample whose bins are stacked as channels. Channel = bin * polarities + polarity (OFF, then ON);
/// feature = (channel * height + y) * width + x.
///
/// By default every event lands in a frame and every recording gives at least one, also an empty one:
///   event_count  frame k holds events [k*stride, k*stride + n), stride = n − int(overlap*n); the last may hold fewer than n
///   time_window  frame k holds times [t0 + k*stride, t0 + k*stride + w), as many as reach the last event
///   time_bins    bin min(T−1, floor(T*(t−t0) / max(1, t1−t0)))
///   event_bins   event i of N: bin floor(i*T / N)
/// With compat tonic they are cut as Tonic 1.7's ToFrame cuts them (tail loss included).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/core/bits.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

enum class FrameMode { event_count, time_window, time_bins, event_bins };
enum class Compat { none, tonic };

struct FrameOptions {
  std::string mode = "time_bins";  ///< event_count, time_window, time_bins, event_bins
  int bins = 10;                   ///< time_bins, event_bins: bins a sample
  int events_per_frame = 1500;     ///< event_count
  std::int64_t window_us = 30000;  ///< time_window
  double overlap = 0;              ///< share of a frame in [0, 1): event_count and time_window; with tonic all modes
  std::string polarity = "keep";   ///< keep: OFF and ON are channels of their own; merge
  int downsample = 1;              ///< pool factor: a pixel of the frame is the OR (sum, for counts) of f × f sensor pixels
  std::string compat = "none";     ///< none, tonic
  bool incomplete = false;         ///< tonic's include_incomplete; by default the last frame is always kept

  /// Keys of section `data.frames`.
  void bind(config::Section& section);
  /// Everything that changes the frames, as one line: part of the cache key.
  std::string describe() const;

  FrameMode frame_mode() const;  ///< throws ConfigError for an unknown word, as the next do
  Compat compat_kind() const;
  bool merged() const;
  int polarities() const { return merged() ? 1 : 2; }
};

/// Channels of a sample: bins × polarities (bins: 1 for event_count and time_window).
int channels(const FrameOptions& options);
/// Rows or columns of a frame for a sensor's: rounded up, so that no pixel is lost.
int downsampled(int extent, const FrameOptions& options);

/// A run of events: [begin, end).
struct Slice {
  std::size_t begin = 0, end = 0;
  bool operator==(const Slice&) const = default;
};
/// Where a recording is cut: one slice a frame, or a bin. Times must not decrease. Throws DataError where a time window
/// gives more than 2^20 frames.
void cut(const Events& events, const FrameOptions& options, std::vector<Slice>& slices);
/// Samples the recording gives (never 0).
std::size_t count_samples(const Events& events, const FrameOptions& options);

/// Makes the frames of many recordings of one sensor without allocating for each. Not for use by several threads at once.
class FrameMaker {
 public:
  /// Throws ConfigError for options out of their ranges.
  FrameMaker(const FrameOptions& options, int width, int height);

  int channels() const { return channels_; }
  int height() const { return height_; }  ///< after downsampling
  int width() const { return width_; }
  std::size_t features() const { return features_; }

  /// Appends the samples of a recording as rows to `out`, which must have features() columns (or be empty: it gets them).
  /// Returns their number. Events must lie inside the sensor (check_inside) and times must not decrease.
  std::size_t append_bits(const Events& events, BitMatrix& out);
  /// Appends the samples as counts, [sample][channel][y][x], saturating at 32767. Returns the number of samples.
  std::size_t append_counts(const Events& events, std::vector<std::int16_t>& out);

 private:
  void place_events(const Events& events);

  FrameOptions options_;
  int channels_, height_, width_;
  std::size_t features_;
  bool merged_, stacked_;                 ///< stacked: slices are bins of one sample
  std::vector<std::uint32_t> row_, col_;  ///< offset in a frame's plane by sensor row and column
  std::vector<Slice> slices_;
  std::vector<std::uint32_t> place_;  ///< [event] feature within its frame or bin
  std::vector<std::uint8_t> hit_;     ///< a byte a feature, packed into bits at the end
};

}  // namespace dltonic::events
