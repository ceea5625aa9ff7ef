/// Leaving events out: the one way in which filters and augmentations shorten a recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// Keeps event i where marks[i] is 1 and drops it where it is 0 (no other values), in order. Returns the number dropped.
/// `marks` has a byte an event.
std::size_t keep_marked(Events& events, std::span<const std::uint8_t> marks);

/// Keeps event i where bit i mod 32 of words[i / 32] is `kept`. Returns the number dropped.
std::size_t keep_by_bits(Events& events, std::span<const std::uint32_t> words, bool kept);

/// Keeps events [first, last).
std::size_t keep_range(Events& events, std::size_t first, std::size_t last);
/// Drops events [first, last).
std::size_t drop_range(Events& events, std::size_t first, std::size_t last);

}  // namespace dltonic::events
