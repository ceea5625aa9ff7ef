/// Recordings of unequal size on one canvas: never scaled, centred, cropped where they are larger.
#pragma once

#include <cstdint>

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// Shifts the events so that the recording's own area lies in the middle of a canvas of width × height; what lies outside is
/// cut off. The area is the recording's width × height, or where these are 0, as its format does not tell them, from (0, 0) to
/// its outermost event: positions within it are kept. Sets width and height to those of the area. Returns the events cut off.
std::uint64_t place_centred(Recording& recording, int width, int height);

}  // namespace dltonic::events
