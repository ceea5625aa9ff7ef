#include "events/dat.h"

#include <charconv>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/header_lines.h"
#include "events/vector_rows.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kPlaceBits = 0x3FFF;

std::uint32_t little_endian(const std::byte* from) {
  const auto* b = reinterpret_cast<const std::uint8_t*>(from);
  return std::uint32_t{b[3]} << 24 | std::uint32_t{b[2]} << 16 | std::uint32_t{b[1]} << 8 | b[0];
}

/// The number behind "% Width " and the like; 0 where the line is another.
std::uint16_t number_after(std::string_view line, std::string_view key) {
  std::uint16_t number = 0;
  if (line.starts_with(key)) std::from_chars(line.data() + key.size(), line.data() + line.size(), number);
  return number;
}

struct Layout {
  DecodeReport& report;
  bool vectors;

  bool is_event(const std::byte*) const { return true; }
  std::uint32_t time(const std::byte* from) const { return little_endian(from); }
  void write(const std::byte* from, const EventSink& out, std::size_t at) const {
    const std::uint32_t word = little_endian(from + 4);
    out.x[at] = static_cast<std::uint16_t>(word & kPlaceBits);
    out.y[at] = static_cast<std::uint16_t>(word >> 14 & kPlaceBits);
    const std::uint32_t polarity = word >> 28;
    out.p[at] = polarity != 0 ? 1 : 0;
    if (polarity > 1) ++report.invalid;
  }
  std::size_t blocks([[maybe_unused]] const std::byte* from, [[maybe_unused]] std::size_t records,
                     [[maybe_unused]] std::uint32_t highest_bit, [[maybe_unused]] const EventSink& out,
                     [[maybe_unused]] std::size_t at) const {
    std::size_t done = 0;
#if defined(__AVX2__)
    if (!vectors) return 0;
    const __m256i place = _mm256_set1_epi32(kPlaceBits), odd = _mm256_set1_epi32(static_cast<int>(0xE000'0000u));
    const unsigned bits = highest_bit != 0 ? 0xFF : 0;
    for (; done + avx2::kRows <= records; done += avx2::kRows) {
      const avx2::Words words = avx2::load_pairs(from + done * kClockedRecordBytes, false);
      if (avx2::sign_bits(words.first) != bits || _mm256_testz_si256(words.second, odd) == 0) break;
      avx2::store(out, at + done, _mm256_and_si256(words.second, place),
                  _mm256_and_si256(_mm256_srli_epi32(words.second, 14), place), words.first,
                  _mm256_srli_epi32(words.second, 28));
    }
#endif
    return done;
  }
};

}  // namespace

BlockDecoder::Step DatDecoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  std::size_t used = 0;
  while (in_lines_) {
    if (used == bytes.size()) return {used};
    if (bytes[used] != std::byte{'%'}) {
      if (at + used == 0) throw DataError("the first byte is no '%': a DAT file begins with lines of text that do");
      in_lines_ = false;
      break;
    }
    const auto line = header_line(bytes.subspan(used), at + used);
    if (!line) return {used};
    if (const auto number = number_after(line->text, "% Width ")) width = number;
    if (const auto number = number_after(line->text, "% Height ")) height = number;
    used += line->bytes;
  }
  if (in_header_) {
    if (bytes.size() - used < 2) return {used};
    const int type = static_cast<int>(bytes[used]), size = static_cast<int>(bytes[used + 1]);
    // 0 is a 2D event of older cameras, 12 that of newer ones (CD); both are laid out alike.
    if ((type != 0 && type != 12) || size != static_cast<int>(kClockedRecordBytes)) {
      throw DataError(cat("the events are of type ", type, " and ", size, " bytes each, says byte ", at + used,
                          ": types 0 and 12 of 8 bytes are polarity events, others are not supported"));
    }
    in_header_ = false;
    used += 2;
  }
  Layout layout{report, vectors_};
  Step step = decode_clocked(layout, bytes.subspan(used), out, clock_, report);
  step.bytes += used;
  return step;
}

void DatDecoder::finish(std::uint64_t end, std::size_t rest) {
  if (end == 0) throw DataError("the file is empty: a DAT file begins with lines of text that begin with '%'");
  if (in_lines_ && rest > 0)
    throw DataError(cat("the file is cut: the header line at byte ", end - rest, " does not end before byte ", end));
  if (in_header_) throw_cut(end, rest, 2, "the type and size of events");
  if (rest > 0) throw_cut(end, rest, kClockedRecordBytes, "an event");
}

}  // namespace dltonic::events
