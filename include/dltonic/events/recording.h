/// A recording of an event camera: what decoders and the simulator make, filters change and frames are cut from.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dltonic::events {

/// Events as arrays, the layout of the events file. Times are microseconds since the recording's t_offset and do not
/// decrease, except where a decoder says so.
struct Events {
  std::vector<std::uint16_t> x, y;
  std::vector<std::uint32_t> t;
  std::vector<std::uint8_t> p;  ///< 0 OFF, 1 ON

  std::size_t size() const { return t.size(); }
  bool empty() const { return t.empty(); }
  void resize(std::size_t n) { x.resize(n), y.resize(n), t.resize(n), p.resize(n); }
  void clear() { resize(0); }
};

enum class Split : std::uint8_t { train = 0, test = 1, none = 255 };

struct Recording {
  Events events;
  std::uint16_t label = 0;
  std::uint16_t width = 0, height = 0;  ///< sensor, pixels
  std::int64_t t_offset = 0;            ///< us, time of the recording's zero
  std::uint32_t duration = 0;           ///< us, last event's time − first's, 0 when there is none
  Split split = Split::none;
  std::uint16_t subject = 65535;  ///< person or camera id, 65535: none
  std::string source;             ///< path relative to the data root, or "image 17"
};

}  // namespace dltonic::events
