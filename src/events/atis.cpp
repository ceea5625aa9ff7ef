#include "dltonic/events/atis.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/atis_decoder.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kTimeMask = 0x7FFFFFu;
constexpr std::uint32_t kOverflowUs = 1u << 13;
/// With more markers than this, times could pass 2^32.
constexpr std::size_t kMostOverflows = ((std::size_t{1} << 32) - (std::size_t{1} << 23)) / kOverflowUs;

}  // namespace

/// One row at a time: where markers stand among rows, and the path of other architectures. Returns the new count of events.
std::size_t AtisDecoder::decode_rows(const std::byte* bytes, std::size_t rows, std::uint64_t first_row, const EventSink& sink,
                                     std::size_t count) {
  const auto* b = reinterpret_cast<const std::uint8_t*>(bytes);
  // Copies: a store to p, being one of bytes, could otherwise change members.
  const EventSink out = sink;
  std::uint32_t offset_us = offset_us_;
  for (std::size_t row = 0; row < rows; ++row, b += kAtisRowBytes) {
    if (b[1] == kAtisOverflowRow) {
      if (++report.overflow_rows > kMostOverflows) {
        throw DataError(cat("more than ", kMostOverflows, " overflow markers (row ", first_row + row,
                            "): times pass 2^32 us, a recording may last 71 minutes"));
      }
      offset_us += kOverflowUs;
      continue;
    }
    const std::uint32_t word = std::uint32_t{b[2]} << 16 | std::uint32_t{b[3]} << 8 | b[4];
    out.x[count] = b[0];
    out.y[count] = b[1];
    out.p[count] = static_cast<std::uint8_t>(word >> 23);
    out.t[count] = (word & kTimeMask) + offset_us;
    ++count;
  }
  offset_us_ = offset_us;
  return count;
}

BlockDecoder::Step AtisDecoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  const std::size_t rows = std::min(bytes.size() / kAtisRowBytes, out.room);
  std::size_t row = 0, count = 0;
  while (row < rows) {
    const std::byte* from = bytes.data() + row * kAtisRowBytes;
    const std::size_t plain = vectors_ ? decode_plain_blocks(from, rows - row, offset_us_, out, count) : 0;
    row += plain;
    count += plain;
    // What stopped the blocks: an overflow marker among the next rows, or the end.
    const std::size_t next = vectors_ ? std::min(rows - row, kAtisBlockRows) : rows;
    count = decode_rows(from + plain * kAtisRowBytes, next, at / kAtisRowBytes + row, out, count);
    row += next;
  }
  return {rows * kAtisRowBytes, count, 0};
}

void AtisDecoder::finish(std::uint64_t end, std::size_t rest) {
  if (rest == 0) return;
  throw DataError(cat("the file is cut: ", end, " bytes are no multiple of 5, the last whole event ends at byte ", end - rest));
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

}  // namespace dltonic::events
