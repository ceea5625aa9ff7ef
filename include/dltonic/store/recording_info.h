/// What a prepared file knows of a recording beside its events.
#pragma once

#include <cstdint>
#include <string>

#include "dltonic/events/recording.h"

namespace dltonic::store {

struct RecordingInfo {
  std::uint64_t first_event = 0;  ///< index into /events (events file only)
  std::uint64_t events = 0;       ///< number of events (events file only)
  std::uint16_t label = 0;
  std::uint16_t width = 0, height = 0;  ///< sensor, pixels
  std::int64_t t_offset = 0;            ///< us
  std::uint32_t duration = 0;           ///< us
  events::Split split = events::Split::none;
  std::uint16_t subject = 65535;  ///< 65535: none
  std::string source;
};

}  // namespace dltonic::store
