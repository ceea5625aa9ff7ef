/// Blocks of ATIS rows without overflow markers, decoded eight at a time with AVX2.
#pragma once

#include <cstddef>
#include <cstdint>

#include "events/block_decoder.h"

namespace dltonic::events {

constexpr std::size_t kAtisRowBytes = 5;
constexpr std::size_t kAtisBlockRows = 8;
constexpr std::uint8_t kAtisOverflowRow = 240;

/// Decodes blocks from `rows` on until one holds a marker or fewer than a block's rows are left; returns the rows decoded.
/// Writes to `out` from event `count` on, where there is room for row_count events; `offset_us` is added to all times. Where
/// there is no AVX2 it returns 0 and leaves all to the caller.
std::size_t decode_plain_blocks(const std::byte* rows, std::size_t row_count, std::uint32_t offset_us, const EventSink& out,
                                std::size_t count);

}  // namespace dltonic::events
