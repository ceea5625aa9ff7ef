/// Event filters, applied in this order, each off by default. Our definitions, and Tonic 1.7's under compat:
///   crop time          keep start <= t < end, microseconds of the recording's own clock.          Tonic: t <= end.
///   hot pixels         drop all events of a pixel whose events a second of the recording exceed hot_pixel_hz (Tonic's
///                      DropPixel, after aermanager), or whose number exceeds mean + hot_pixel_sd · sd over the pixels
///                      that fired at all (defined here). Recordings without a duration pass the former; in Tonic nothing
///                      of them stays.
///   refractory period  keep an event if more than delta passed since its pixel's last kept event.
///                      Tonic: since the pixel's last event, kept or not, the first counted from time −delta.
///   denoise            keep an event if one of its 4 neighbours fired less than filter time before it (the background
///                      activity filter of Delbruck 2008, with 4 neighbours as Tonic has them).
///                      Tonic: as if every pixel within the events' bounding box [0..max] had fired at time 0.
///   decimation         keep the n-th, 2n-th, … event of each pixel (both polarities counted together), as Tonic does.
///   crop               keep a rectangle of the sensor, which becomes the sensor; in the centre as Tonic's CenterCrop, which
///                      pads where it is larger than the sensor.
///   downsample         x and y divided by a factor, times rounded down to steps; no event is dropped.
/// The refractory period comes before denoise because it stands for the sensor's pixel; pixels are cropped after denoise,
/// which looks at neighbours, and count hot with all their events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

struct SensorSize {
  int width = 0, height = 0;
  bool operator==(const SensorSize&) const = default;
};

struct FilterOptions {
  std::int64_t denoise_us = 0;        ///< 0: off
  std::int64_t refractory_us = 0;     ///< 0: off
  std::int64_t start_us = 0;          ///< crop time
  std::int64_t end_us = 0;            ///< 0: to the end
  double hot_pixel_hz = 0;            ///< 0: off
  double hot_pixel_sd = 0;            ///< 0: off
  int decimation = 1;                 ///< 1: off
  std::vector<int> crop = {};         ///< x, y, width, height; empty: off
  std::vector<int> center_crop = {};  ///< width, height; empty: off
  int downsample = 1;                 ///< pixels; 1: off
  std::int64_t time_step_us = 1;      ///< 1: off

  /// Keys of section `data.filters`.
  void bind(config::Section& section);
  /// Everything that changes the events, as one line: part of the cache key.
  std::string describe() const;
  bool any() const;
  /// What the filters leave of a sensor. ConfigError where a crop does not fit.
  SensorSize size_after(SensorSize sensor) const;
  /// The crop that is on, as x, y, width, height (x and y may be negative); empty: none.
  std::vector<int> crop_of(SensorSize sensor) const;
};

/// Filters recordings of one sensor in place, keeping its memory between them. Not for use by several threads at once.
class Filters {
 public:
  /// ConfigError where a crop does not fit the sensor.
  Filters(const FilterOptions& options, Compat compat, int width, int height);

  /// Of the events that come out of apply().
  SensorSize size_after() const { return after_; }

  /// All filters that are on. Events must lie inside the sensor; times must not decrease, and do not afterwards. Returns the
  /// events dropped.
  std::size_t apply(Events& events);

  void crop_time(Events& events, std::int64_t start_us, std::int64_t end_us);
  void hot_pixels(Events& events, double most_hz, double most_sd);
  void refractory_period(Events& events, std::int64_t delta_us);
  void denoise(Events& events, std::int64_t filter_us);
  void decimate(Events& events, int n);

 private:
  template <class Time>
  void denoise_in(std::vector<Time>& until, Events& events, std::int64_t filter_us);
  void place_events(const Events& events);
  template <class Keeps>
  void mark_events(Keeps keeps);

  FilterOptions options_;
  Compat compat_;
  SensorSize after_;
  std::size_t width_, height_, stride_;
  std::vector<std::uint32_t> place_;  ///< [event] its pixel in an array of [height + 2][width + 2], whose border never fires
  std::vector<std::uint8_t> marks_;   ///< [event] whether it is kept
  std::vector<std::uint32_t> until_;  ///< [pixel of such an array] until when its last event supports its neighbours
  std::vector<std::uint64_t> until_long_;  ///< the same for times near 2^32
  std::vector<std::int64_t> last_;         ///< [pixel] time of its last event
  std::vector<std::uint32_t> counts_;      ///< [pixel]
};

/// Keeps what lies in [x, x + width) × [y, y + height) and moves the corner to (0, 0). x and y may be negative: a margin.
/// `marks` is memory for a byte an event.
void crop(Events& events, int x, int y, int width, int height, std::vector<std::uint8_t>& marks);
/// Divides coordinates by `factor`, rounding down.
void downsample(Events& events, int factor);
/// Rounds times down to multiples of step_us.
void round_times(Events& events, std::int64_t step_us);

}  // namespace dltonic::events
