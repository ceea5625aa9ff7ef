/// Blocks of ATIS rows without overflow markers, decoded eight at a time with AVX2.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dltonic/events/recording.h"

namespace dltonic::events {

constexpr std::size_t kAtisRowBytes = 5;
constexpr std::size_t kAtisBlockRows = 8;
constexpr std::uint8_t kAtisOverflowRow = 240;

struct AtisState {
  std::size_t events = 0;  ///< written so far
  std::size_t overflow_rows = 0;
  std::uint32_t offset_us = 0;  ///< of the overflow markers so far
};

/// Decodes blocks from `rows` on until one holds a marker or fewer than a block's rows are left; returns the rows decoded.
/// `out` must have room for state.events + row_count events. Where there is no AVX2 it returns 0 and leaves all to the caller.
std::size_t decode_plain_blocks(const std::byte* rows, std::size_t row_count, Events& out, AtisState& state);

}  // namespace dltonic::events
