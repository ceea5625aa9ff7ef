/// The `<recording>_labels.csv` of DVS128 Gesture: which part of a recording shows which gesture.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dltonic::events {

/// start_us <= t < end_us, in the clock of the recording (t_offset + t). Spans may overlap, and a class may have several.
struct GestureSpan {
  int gesture = 0;  ///< from 1, as in the file
  std::int64_t start_us = 0, end_us = 0;
  bool operator==(const GestureSpan&) const = default;
};

/// The rows of a file "class,startTime_usec,endTime_usec", in its order. Throws DataError with the line: another first line,
/// no three numbers, a class below 1, an end before its start.
std::vector<GestureSpan> parse_gesture_labels(std::string_view text);

}  // namespace dltonic::events
