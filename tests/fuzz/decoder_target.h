/// What every fuzz target of a decoder asks, beside that nothing crashes: all ways of decoding agree, and counts add up.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "support/decoded.h"

namespace dltonic::events {

/// Ends the process, so that libFuzzer keeps the input.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

/// Decodes the input at once and in blocks, with and without vectors. Returns what came out; where there was a fault, only
/// that.
inline Decoded fuzz_decoder(Format format, std::span<const std::byte> bytes, DecodeOptions options) {
  const Decoded whole = decode_at_once(format, bytes, options);
  options.vectors = !options.vectors;
  must(decode_at_once(format, bytes, options) == whole, "vectors change nothing");

  // Odd sizes that the input itself chooses.
  const std::size_t choice = bytes.empty() ? 0 : static_cast<std::size_t>(bytes.back());
  const std::size_t least = bytes.size() / 32;  // not byte by byte through large inputs
  const Decoded blocks = decode_in_blocks(format, bytes, options, 1 + least + choice, 1 + least / 4 + choice % 64);
  if (whole.fault.starts_with("times lie between")) {
    must(blocks.fault.empty(), "blocks have no bound of length");
  } else {
    must(blocks.fault == whole.fault, "the fault is the same in blocks");
    if (whole.fault.empty()) must(blocks == whole, "events are the same in blocks");
  }
  must(blocks.report.events == blocks.t.size(), "the report counts the events");
  must(blocks.x.size() == blocks.t.size() && blocks.y.size() == blocks.t.size() && blocks.p.size() == blocks.t.size(),
       "columns are of one length");
  std::size_t back_steps = 0;
  for (std::size_t i = 1; i < blocks.t.size(); ++i) back_steps += blocks.t[i] < blocks.t[i - 1] ? 1 : 0;
  if (blocks.fault.empty()) must(blocks.report.back_steps == back_steps, "back steps are counted");
  for (const std::uint8_t p : blocks.p) must(p <= 1, "polarity is 0 or 1");
  return whole;
}

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

}  // namespace dltonic::events
