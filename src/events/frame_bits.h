/// What the ways from events to bits share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dltonic/events/frames.h"

namespace dltonic::events {

/// Bit j of `out` = byte j of `hit`, which holds 0 and 1 and has out.size() · 64 bytes.
void pack_bits(std::span<const std::uint8_t> hit, std::span<std::uint64_t> out);

/// known_thresholds() in the units of FrameMaker::add_values: a bit is set by values of at least (recency and time_surface,
/// whose values are ages: at most) that.
std::vector<std::uint64_t> integer_thresholds(const FrameOptions& options);

}  // namespace dltonic::events
