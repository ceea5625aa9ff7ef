/// What a recording must hold before it is filtered or framed: events inside the sensor, times that do not decrease.
#pragma once

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// Throws DataError where an event lies outside the sensor, naming event, coordinates and sensor.
void check_inside(const Events& events, int width, int height);
/// Throws DataError where time runs backwards, naming the event and both times.
void check_times(const Events& events);
/// Stable: events of equal time keep their order.
void sort_by_time(Events& events);

}  // namespace dltonic::events
