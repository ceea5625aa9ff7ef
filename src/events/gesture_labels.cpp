#include "dltonic/events/gesture_labels.h"

#include <array>
#include <charconv>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

constexpr std::string_view kFirstLine = "class,startTime_usec,endTime_usec";

/// Exactly three numbers, commas between them.
std::optional<std::array<std::int64_t, 3>> three_numbers(std::string_view line) {
  std::array<std::int64_t, 3> numbers{};
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && (at == end || *at++ != ',')) return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc{}) return std::nullopt;
    at = next;
  }
  if (at != end) return std::nullopt;
  return numbers;
}

}  // namespace

std::vector<GestureSpan> parse_gesture_labels(std::string_view text) {
  std::vector<GestureSpan> spans;
  for (std::size_t number = 1; !text.empty() || number == 1; ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      if (line != kFirstLine) throw DataError(cat("line 1 is '", line.substr(0, 80), "', '", kFirstLine, "' was expected"));
      continue;
    }
    if (line.empty()) continue;
    const auto numbers = three_numbers(line);
    if (!numbers)
      throw DataError(cat("line ", number, ": '", line.substr(0, 80), "' is not three whole numbers, class,start,end"));
    const auto [gesture, start, stop] = *numbers;
    if (gesture < 1 || gesture > 65535)
      throw DataError(cat("line ", number, ": class ", gesture, " is out of range, classes count from 1"));
    if (stop < start)
      throw DataError(cat("line ", number, ": the gesture ends at ", stop, " us, before its start at ", start, " us"));
    spans.push_back({static_cast<int>(gesture), start, stop});
  }
  return spans;
}

}  // namespace dltonic::events
