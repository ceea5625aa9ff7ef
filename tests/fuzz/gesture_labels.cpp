#include "dltonic/events/gesture_labels.h"

#include <algorithm>

#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  try {
    const auto spans = parse_gesture_labels(text);
    must(spans.size() <= static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), "every span has a line");
    for (const GestureSpan& span : spans) must(span.gesture >= 1 && span.start_us <= span.end_us, "spans are in order");
  } catch (const dltonic::DataError&) {
  }
  return 0;
}
