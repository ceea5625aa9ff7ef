/// What the tests of decoders share.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "dltonic/core/error.h"
#include "dltonic/events/decoder.h"

namespace dltonic::events {

inline bool operator==(const Events& a, const Events& b) { return a.x == b.x && a.y == b.y && a.t == b.t && a.p == b.p; }

inline DecodeReport decode_atis(std::span<const std::byte> bytes, Events& out, bool vectors = true) {
  Recording recording;
  recording.events = std::move(out);
  const DecodeReport report = decode(Format::atis, bytes, {.vectors = vectors}, recording);
  out = std::move(recording.events);
  return report;
}

template <class Work>
std::string fault_of(Work&& work) {
  try {
    work();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

}  // namespace dltonic::events
