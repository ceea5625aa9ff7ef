/// Sorting by time.
#pragma once

#include "dltonic/events/augment_steps.h"

namespace dltonic::events {

/// Sorts `memory.keys` by their upper words alone, stably (radix sort, lowest digit first).
void sort_keys(AugmentMemory& memory);

/// Puts events in the order of `memory.keys`, one an event: (new time << 32) | place in the recording now. Events of equal
/// time follow each other by place.
void order_by_keys(Events& events, AugmentMemory& memory);

/// The same where events [0, middle) and those from `middle` on are each in order of time: two become one, and of equal
/// times those of the first part come first. `memory.keys` are not asked for.
void merge_parts(Events& events, std::size_t middle, AugmentMemory& memory);

}  // namespace dltonic::events
