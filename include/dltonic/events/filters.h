/// Event filters. Our definitions, and Tonic 1.7's under compat:
///   refractory period  an event is kept if more than delta passed since its pixel's last kept event.
///                      Tonic: since the pixel's last event, kept or not, the first counted from time −delta.
///   denoise            an event is kept if one of its 4 neighbours fired less than filter time before it.
///                      Tonic: as if every pixel within the events' bounding box [0..max] had fired at time 0.
/// The refractory period is applied first (it stands for the sensor's pixel), then denoise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

struct FilterOptions {
  std::int64_t denoise_us = 0;     ///< 0: off
  std::int64_t refractory_us = 0;  ///< 0: off

  /// Keys of section `data.filters`.
  void bind(config::Section& section);
  /// Everything that changes the events, as one line: part of the cache key.
  std::string describe() const;
  bool any() const { return denoise_us > 0 || refractory_us > 0; }
};

/// Filters recordings of one sensor in place, keeping its memory between them. Not for use by several threads at once.
class Filters {
 public:
  Filters(const FilterOptions& options, Compat compat, int width, int height);

  /// All filters that are on. Events must lie inside the sensor; times must not decrease. Returns the events dropped.
  std::size_t apply(Events& events);
  void refractory_period(Events& events, std::int64_t delta_us);
  void denoise(Events& events, std::int64_t filter_us);

 private:
  FilterOptions options_;
  Compat compat_;
  std::size_t width_, height_;
  std::vector<std::int64_t> last_;  ///< [height + 2][width + 2]: last time by pixel, with a border that never fires
};

}  // namespace dltonic::events
