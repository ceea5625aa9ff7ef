/// The ATIS 5-byte format of N-MNIST, N-Caltech101 and SLAYER (Orchard et al. 2015): big-endian x(8) y(8) p(1) t(23),
/// microseconds. A row with y == 240 is an overflow marker: 2^13 us are added to all that follows and the row is dropped.
/// Reading is decoder.h's; this is the way back, for recordings that the simulator makes.
#pragma once

#include <cstddef>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::events {

/// The rows that decode to `events`, with overflow markers where a time does not fit 23 bits.
/// Throws DataError where x > 255, y > 255 or y == 240, or where a time lies below the overflow already written.
std::vector<std::byte> encode_atis(const Events& events);

}  // namespace dltonic::events
