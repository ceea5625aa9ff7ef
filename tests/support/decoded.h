/// A recording decoded in every way there is, in a form that can be compared: by unit tests and fuzz targets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/events/decoder.h"

namespace dltonic::events {

struct Decoded {
  std::vector<std::uint16_t> x, y;
  std::vector<std::int64_t> t;  ///< in the clock of the file
  std::vector<std::uint8_t> p;
  DecodeReport report;
  std::uint16_t width = 0, height = 0;
  std::string fault;  ///< "" where there was none

  void append(const Events& events, std::int64_t t_offset) {
    x.insert(x.end(), events.x.begin(), events.x.end());
    y.insert(y.end(), events.y.begin(), events.y.end());
    p.insert(p.end(), events.p.begin(), events.p.end());
    for (const std::uint32_t low : events.t) t.push_back(t_offset + low);
  }
  bool operator==(const Decoded&) const = default;
};

inline Decoded decode_at_once(Format format, std::span<const std::byte> bytes, const DecodeOptions& options) {
  Decoded out;
  Recording recording;
  try {
    out.report = decode(format, bytes, options, recording);
    out.append(recording.events, recording.t_offset);
    out.width = recording.width;
    out.height = recording.height;
  } catch (const DataError& error) {
    out.fault = error.what();
  }
  return out;
}

/// The bytes come in pieces of 1 ... `most_bytes`, events go in blocks of up to `most_events`.
inline Decoded decode_in_blocks(Format format, std::span<const std::byte> bytes, const DecodeOptions& options,
                                std::size_t most_bytes, std::size_t most_events) {
  Decoded out;
  std::size_t at = 0;
  EventStream stream(
      format,
      [&](std::span<std::byte> to) {
        const std::size_t count = std::min({to.size(), bytes.size() - at, 1 + at * 7 % most_bytes});
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
        at += count;
        return count;
      },
      options);
  EventBlock block;
  try {
    while (stream.next(block, most_events)) out.append(block.events, block.t_offset);
  } catch (const DataError& error) {
    out.fault = error.what();
  }
  out.report = stream.report();
  out.width = stream.width();
  out.height = stream.height();
  return out;
}

}  // namespace dltonic::events
