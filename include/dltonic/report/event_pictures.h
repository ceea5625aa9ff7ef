/// What a recording looks like: its events summed over slices of time, and as points in x, y and t.
#pragma once

#include <vector>

#include "dltonic/events/recording.h"
#include "dltonic/report/image.h"

namespace dltonic::report {

/// Colours by how many events fell on a pixel: ON red, OFF blue, both violet, none white; index = 16 · ON level + OFF level.
const Palette& event_palette();

/// `count` (≥ 1) slices of equal time; every event is in one of them. A pixel's level grows with the logarithm of its events up
/// to the most that a pixel of this recording has in a slice. Events must lie inside width × height.
std::vector<Image> slices_over_time(const events::Events& events, int width, int height, int count);
/// Pictures of one size side by side, `columns` in a row, with thin lines between.
Image contact_sheet(const std::vector<Image>& images, int columns);

/// The cloud of events, time from left to right, seen from above and the side; a tick on the time axis every `tick_us`.
Image event_cloud(const events::Events& events, int width, int height, int image_width, int image_height, std::int64_t tick_us);
/// 1, 2 or 5 times a power of ten: between 4 and 10 ticks over a duration.
std::int64_t tick_for(std::int64_t duration_us);

}  // namespace dltonic::report
