/// What turns a recording's events into frames; one a thread.
#pragma once

#include <vector>

#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"

namespace dltonic::data {

struct Framer {
  /// `sensor` is that of the recordings, before filters crop or shrink it. ConfigError where the options do not fit.
  Framer(const events::FilterOptions& filter_options, const events::FrameOptions& frame_options, events::SensorSize sensor)
      : filters(filter_options, frame_options.compat_kind(), sensor.width, sensor.height),
        filtered(filter_options.any()),
        maker(frame_options, filters.size_after().width, filters.size_after().height) {}

  events::Filters filters;
  bool filtered;
  events::FrameMaker maker;
};

}  // namespace dltonic::data
