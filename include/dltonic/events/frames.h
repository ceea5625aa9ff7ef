/// From events to frames of bits, or of numbers for networks that read such (data/batch.h: rows of frames).
///
/// `event_count` and `time_window` cut a recording into several samples of one frame each; `time_bins` and `event_bins` make
/// one sample whose bins are stacked as channels. Channel = (bin * polarities + polarity) * levels + level (polarity: OFF,
/// then ON); feature = (channel * height + y) * width + x.
///
/// By default every event lands in a frame and every recording gives at least one, also an empty one:
///   event_count  frame k holds events [k*stride, k*stride + n), stride = n − int(overlap*n); the last may hold fewer than n
///   time_window  frame k holds times [t0 + k*stride, t0 + k*stride + w), as many as reach the last event
///   time_bins    bin min(T−1, floor(T*(t−t0) / max(1, t1−t0)))
///   event_bins   event i of N: bin floor(i*T / N)
/// With compat tonic they are cut as Tonic 1.7's ToFrame cuts them (tail loss included).
///
/// What a pixel's bits say of its events in the frame or bin (docs/representations.md); a level is a threshold theta:
///   bits          one level: any event; with downsample_count k, at least k of them
///   counts        n >= theta, n events
///   recency       age <= theta us, age = time from the pixel's last event to the end of the frame or bin
///   voxel         |v| >= theta, v = sum of +-1 (ON, OFF), shared bilinearly by the two nearest of `bins` equidistant times
///                 (Zhu et al. 2019, CVPR); polarity channels are v < 0 and v > 0
///   time_surface  exp(-age / tau) >= theta, age as above, but the last event may lie in an earlier bin or frame (Lagorce et
///                 al. 2017, TPAMI 39:1346)
/// With dtype float16 a pixel is the number itself, one of a bin and polarity, 0 without an event:
///   counts        n
///   recency       1 - age / span, span from the first event of the frame or bin to its end, both included
///   voxel         v, with its sign: one channel a bin
///   time_surface  exp(-age / tau)
/// The end of a frame or bin is its last microsecond (event_count, event_bins: its last event). Everything is computed in
/// integers, so frames are the same on every machine (numbers: but for the last bit of a half float where libraries differ in
/// exp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/core/bits.h"
#include "dltonic/events/recording.h"
#include "dltonic/events/value_histogram.h"

namespace dltonic::events {

enum class FrameMode { event_count, time_window, time_bins, event_bins };
enum class FrameValues { bits, counts, recency, voxel, time_surface };
enum class Compat { none, tonic };

struct FrameOptions {
  std::string mode = "time_bins";  ///< event_count, time_window, time_bins, event_bins
  int bins = 10;                   ///< time_bins, event_bins: bins a sample
  int events_per_frame = 1500;     ///< event_count
  std::int64_t window_us = 30000;  ///< time_window
  double overlap = 0;              ///< share of a frame in [0, 1): event_count and time_window; with tonic all modes
  std::string polarity = "keep";   ///< keep: OFF and ON are channels of their own; merge
  int downsample = 1;              ///< pool factor: the events of f × f sensor pixels are those of one pixel of the frame
  int downsample_count = 1;        ///< bits: events that set a bit
  std::string values = "bits";     ///< bits, counts, recency, voxel, time_surface
  std::string dtype = "bits";      ///< bits: a bit a threshold; float16: the number itself
  std::vector<double> thresholds;  ///< ascending; none, with no quantiles: 1, 2, 4, 8 for counts, 1/8, 1/4, 1/2, 3/4 for
                                   ///< time_surface; fitted at quantiles 1/4, 1/2, 3/4, 1 for recency, 0, 1/2, 3/4 for voxel
  std::vector<double> quantiles;   ///< ascending: thresholds are fitted there, see fit_thresholds()
  double tau_us = 50000;           ///< time_surface
  std::string compat = "none";     ///< none, tonic
  bool incomplete = false;         ///< tonic's include_incomplete; by default the last frame is always kept

  /// Keys of section `data.frames`.
  void bind(config::Section& section);
  /// Everything that changes the frames, as one line: part of the cache key.
  std::string describe() const;

  FrameMode frame_mode() const;  ///< throws ConfigError for an unknown word, as the next do
  Compat compat_kind() const;
  FrameValues frame_values() const;
  bool merged() const;
  int polarities() const { return merged() ? 1 : 2; }
  bool numbers() const;                             ///< dtype is float16
  int depth() const { return numbers() ? 16 : 1; }  ///< bits a feature
  int planes() const;                               ///< channels a bin and level: polarities, or one that has a sign
  int levels() const;                               ///< channels a bin and plane: thresholds, or one number
  /// The thresholds: those given, or the default ones. Empty where they are to be fitted first.
  std::vector<double> known_thresholds() const;
  /// The quantiles at which thresholds are to be fitted on training recordings. Empty where they are known.
  std::vector<double> fitted_quantiles() const;
  std::string thresholds_text() const;  ///< "[1, 2, 4, 8]", the known ones, exactly
  /// What is wrong with values, thresholds, quantiles and downsample_count ("key: fault"), or "".
  std::string values_fault() const;
};

/// Channels of a sample: bins × planes × levels (bins: 1 for event_count and time_window).
int channels(const FrameOptions& options);
/// Rows or columns of a frame for a sensor's: rounded up, so that no pixel is lost.
int downsampled(int extent, const FrameOptions& options);

/// A run of events: [begin, end), and the last time that belongs to it, which may lie past its last event.
struct Slice {
  std::size_t begin = 0, end = 0;
  std::uint64_t last_us = 0;
  bool operator==(const Slice&) const = default;
};
/// Where a recording is cut: one slice a frame, or a bin. Times must not decrease. Throws DataError where a time window
/// gives more than 2^20 frames.
void cut(const Events& events, const FrameOptions& options, std::vector<Slice>& slices);
/// Samples the recording gives (never 0).
std::size_t count_samples(const Events& events, const FrameOptions& options);

/// A copy with thresholds instead of quantiles, by the values of all pixels (bins, frames) that had an event:
/// FrameMaker::add_values of the recordings to fit on. At quantile q a share q of the values lies below the threshold (of
/// ages: up to it), within a bucket of the histogram; at 0 (recency: 1) lies the threshold that every event passes. Thresholds
/// that would coincide move up. Throws DataError where there is no value.
FrameOptions fit_thresholds(const FrameOptions& options, const ValueHistogram& values);

/// Makes the frames of many recordings of one sensor without allocating for each. Not for use by several threads at once.
class FrameMaker {
 public:
  /// Throws ConfigError for options out of their ranges. Where thresholds are yet to be fitted, only add_values and
  /// append_counts work.
  FrameMaker(const FrameOptions& options, int width, int height);

  int channels() const { return channels_; }
  int height() const { return height_; }  ///< after downsampling
  int width() const { return width_; }
  std::size_t features() const { return features_; }
  std::size_t row_bits() const { return features_ * static_cast<std::size_t>(options_.depth()); }
  /// [level] what a bit's value is compared with (src/events/frame_values.cpp); none where thresholds are not fitted yet.
  const std::vector<std::uint64_t>& limits() const { return limits_; }

  /// Appends the samples of a recording as rows to `out`, which must have row_bits() columns (or be empty: it gets them).
  /// Returns their number. Events must lie inside the sensor (check_inside) and times must not decrease.
  std::size_t append_rows(const Events& events, BitMatrix& out);
  /// Appends the samples as numbers of events, [sample][bin × polarity][y][x], saturating at 32767, whatever `values` are.
  /// Returns the number of samples.
  std::size_t append_counts(const Events& events, std::vector<std::int16_t>& out);
  /// Counts what the thresholds are compared with: event numbers, |v| in 1/kVoxelUnit, or ages.
  void add_values(const Events& events, ValueHistogram& values);
  static constexpr std::uint64_t kVoxelUnit = 1024;

 private:
  void place_events(const Events& events);
  void append_plain(BitMatrix& out, std::size_t first);
  void append_levels(const Events& events, BitMatrix& out, std::size_t first);
  void append_numbers(const Events& events, BitMatrix& out, std::size_t first);
  template <class Use>
  void each_slice(const Events& events, Use use);
  template <class Use>
  void each_voxel_slice(const Events& events, Use use);

  FrameOptions options_;
  int channels_, height_, width_;
  std::size_t features_;
  FrameValues kind_;
  bool merged_, stacked_;                 ///< stacked: slices are bins of one sample
  std::size_t places_;                    ///< polarities × height × width
  std::vector<std::uint64_t> limits_;     ///< [level] theta as an integer: events, us, voxel units
  std::vector<std::uint32_t> row_, col_;  ///< offset in a frame's plane by sensor row and column
  std::vector<Slice> slices_;
  std::vector<std::uint32_t> place_;        ///< [event] polarity and pixel within its frame or bin
  std::vector<std::uint32_t> values_;       ///< [polarity][y][x] of the slice at hand
  std::vector<std::uint64_t> sums_, next_;  ///< voxel: of one time and of the next, by polarity of the events
  std::vector<std::uint8_t> hit_;           ///< a byte a feature, packed into bits at the end
};

}  // namespace dltonic::events
