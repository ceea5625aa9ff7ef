/// N-MNIST-like recordings for benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dltonic/events/recording.h"

namespace dltonic::benchmarks {

inline constexpr int kSensor = 34, kImage = 28;

/// Handwriting-like images of kImage × kImage pixels: a bright stroke, 2 to 3 pixels wide, along a random curve.
std::vector<std::uint8_t> stroke_image(std::uint32_t index);

/// 512 recordings in the ATIS format, in memory: real ones where they are there, simulated ones otherwise.
const std::vector<std::vector<std::byte>>& recording_files();
/// Their events.
const std::vector<events::Events>& recordings();
/// Events of all of them.
std::size_t all_events();

}  // namespace dltonic::benchmarks
