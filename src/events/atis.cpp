#include "dltonic/events/atis.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/atis_rows.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kTimeMask = 0x7FFFFFu;
constexpr std::uint32_t kOverflowUs = 1u << 13;
/// With more markers than this, times could pass 2^32.
constexpr std::size_t kMostOverflows = ((std::size_t{1} << 32) - (std::size_t{1} << 23)) / kOverflowUs;

std::size_t rows_in(std::span<const std::byte> bytes) {
  if (const std::size_t rest = bytes.size() % kAtisRowBytes; rest != 0) {
    throw DataError(cat("the file is cut: ", bytes.size(), " bytes are no multiple of 5, the last whole event ends at byte ",
                        bytes.size() - rest));
  }
  return bytes.size() / kAtisRowBytes;
}

std::size_t count_back_steps(const Events& events) {
  const std::uint32_t* t = events.t.data();
  std::size_t steps = 0;
  for (std::size_t i = 1; i < events.size(); ++i) steps += t[i] < t[i - 1] ? 1 : 0;
  return steps;
}

/// Decodes rows [begin, end) and writes events from state.events on.
void decode_rows(const std::byte* bytes, std::size_t begin, std::size_t end, Events& out, AtisState& state) {
  for (std::size_t row = begin; row < end; ++row) {
    const auto* b = reinterpret_cast<const std::uint8_t*>(bytes) + row * kAtisRowBytes;
    if (b[1] == kAtisOverflowRow) {
      if (++state.overflow_rows > kMostOverflows) {
        throw DataError(cat("more than ", kMostOverflows, " overflow markers (row ", row,
                            "): times pass 2^32 us, a recording may last 71 minutes"));
      }
      state.offset_us += kOverflowUs;
      continue;
    }
    const std::uint32_t word = std::uint32_t{b[2]} << 16 | std::uint32_t{b[3]} << 8 | b[4];
    const std::size_t i = state.events++;
    out.x[i] = b[0];
    out.y[i] = b[1];
    out.p[i] = static_cast<std::uint8_t>(word >> 23);
    out.t[i] = (word & kTimeMask) + state.offset_us;
  }
}

DecodeReport finish(const AtisState& state, Events& out) {
  out.resize(state.events);
  return {state.events, state.overflow_rows, count_back_steps(out)};
}

}  // namespace

DecodeReport decode_atis_scalar(std::span<const std::byte> bytes, Events& out) {
  const std::size_t rows = rows_in(bytes);
  out.resize(rows);
  AtisState state;
  decode_rows(bytes.data(), 0, rows, out, state);
  return finish(state, out);
}

DecodeReport decode_atis(std::span<const std::byte> bytes, Events& out) {
  const std::size_t rows = rows_in(bytes);
  out.resize(rows);
  AtisState state;
  std::size_t row = 0;
  while (row < rows) {
    row += decode_plain_blocks(bytes.data() + row * kAtisRowBytes, rows - row, out, state);
    // What stopped the blocks: an overflow marker among the next rows, or the end.
    const std::size_t end = std::min(rows, row + kAtisBlockRows);
    decode_rows(bytes.data(), row, end, out, state);
    row = end;
  }
  return finish(state, out);
}

std::vector<std::byte> encode_atis(const Events& events) {
  std::vector<std::byte> bytes;
  bytes.reserve(events.size() * kAtisRowBytes);
  const auto put = [&bytes](std::uint32_t x, std::uint32_t y, std::uint32_t word) {
    for (const std::uint32_t value : {x, y, word >> 16, word >> 8, word}) bytes.push_back(static_cast<std::byte>(value & 0xFF));
  };
  std::uint32_t offset = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.x[i] > 255 || events.y[i] > 255 || events.y[i] == kAtisOverflowRow) {
      throw DataError(cat("event ", i, " at x ", events.x[i], ", y ", events.y[i],
                          " cannot be written as ATIS rows: they hold coordinates up to 255, and y 240 marks an overflow"));
    }
    if (events.t[i] < offset) {
      throw DataError(cat("event ", i, " at ", events.t[i], " us lies before the overflow already written (", offset,
                          " us): sort by time first"));
    }
    while (events.t[i] - offset > kTimeMask) {
      put(0, kAtisOverflowRow, 0);
      offset += kOverflowUs;
    }
    put(events.x[i], events.y[i], (events.p[i] != 0 ? 1u << 23 : 0u) | (events.t[i] - offset));
  }
  return bytes;
}

void check_inside(const Events& events, int width, int height) {
  std::uint16_t most_x = 0, most_y = 0;
  for (const std::uint16_t x : events.x) most_x = std::max(most_x, x);
  for (const std::uint16_t y : events.y) most_y = std::max(most_y, y);
  if (most_x < width && most_y < height) return;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.x[i] >= width || events.y[i] >= height) {
      throw DataError(cat("event ", i, " of ", events.size(), " at x ", events.x[i], ", y ", events.y[i],
                          " lies outside the sensor of ", width, " x ", height, " pixels"));
    }
  }
}

void check_times(const Events& events) {
  if (count_back_steps(events) == 0) return;
  for (std::size_t i = 1; i < events.size(); ++i) {
    if (events.t[i] < events.t[i - 1]) {
      throw DataError(cat("time runs backwards at event ", i, " of ", events.size(), ": ", events.t[i], " us after ",
                          events.t[i - 1], " us"));
    }
  }
}

void sort_by_time(Events& events) {
  if (std::is_sorted(events.t.begin(), events.t.end())) return;
  std::vector<std::uint32_t> order(events.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return events.t[a] < events.t[b]; });
  const Events from = events;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t j = order[i];
    events.x[i] = from.x[j], events.y[i] = from.y[j], events.t[i] = from.t[j], events.p[i] = from.p[j];
  }
}

}  // namespace dltonic::events
