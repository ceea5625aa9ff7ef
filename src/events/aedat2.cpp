#include "events/aedat2.h"

#include <cctype>
#include <string>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/header_lines.h"
#include "events/vector_rows.h"

namespace dltonic::events {
namespace {

constexpr std::uint32_t kAddressBits = 0x7FFF;
constexpr std::uint16_t kSide = 128;

std::uint32_t big_endian(const std::byte* from) {
  const auto* b = reinterpret_cast<const std::uint8_t*>(from);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

/// jAER's newer files end their header with this line, in letters of any case.
bool ends_header(std::string_view line) {
  std::string lower;
  for (const char c : line.substr(0, 32)) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower == "#end of ascii header";
}

/// Upright: 127 - v is v with its seven bits turned.
struct Layout {
  std::uint32_t turn_place, turn_polarity;
  bool vectors;

  bool is_event(const std::byte* from) const { return (big_endian(from) & ~kAddressBits) == 0; }
  std::uint32_t time(const std::byte* from) const { return big_endian(from + 4); }
  void write(const std::byte* from, const EventSink& out, std::size_t at) const {
    const std::uint32_t address = big_endian(from);
    out.x[at] = static_cast<std::uint16_t>((address >> 8) ^ turn_place);
    out.y[at] = static_cast<std::uint16_t>((address >> 1 & 127) ^ turn_place);
    out.p[at] = static_cast<std::uint8_t>((address & 1) ^ turn_polarity);
  }
  std::size_t blocks([[maybe_unused]] const std::byte* from, [[maybe_unused]] std::size_t records,
                     [[maybe_unused]] std::uint32_t highest_bit, [[maybe_unused]] const EventSink& out,
                     [[maybe_unused]] std::size_t at) const {
    std::size_t done = 0;
#if defined(__AVX2__)
    if (!vectors) return 0;
    const __m256i place = _mm256_set1_epi32(static_cast<int>(turn_place));
    const __m256i polarity = _mm256_set1_epi32(static_cast<int>(turn_polarity));
    const __m256i seven = _mm256_set1_epi32(127), one = _mm256_set1_epi32(1);
    const __m256i no_event = _mm256_set1_epi32(static_cast<int>(~kAddressBits));
    const unsigned bits = highest_bit != 0 ? 0xFF : 0;
    for (; done + avx2::kRows <= records; done += avx2::kRows) {
      const avx2::Words words = avx2::load_pairs(from + done * kClockedRecordBytes, true);
      if (avx2::sign_bits(words.second) != bits || _mm256_testz_si256(words.first, no_event) == 0) break;
      const __m256i x = _mm256_xor_si256(_mm256_srli_epi32(words.first, 8), place);
      const __m256i y = _mm256_xor_si256(_mm256_and_si256(_mm256_srli_epi32(words.first, 1), seven), place);
      avx2::store(out, at + done, x, y, words.second, _mm256_xor_si256(_mm256_and_si256(words.first, one), polarity));
    }
#endif
    return done;
  }
};

}  // namespace

Aedat2Decoder::Aedat2Decoder(const DecodeOptions& options)
    : upright_(options.aedat2 == Aedat2Convention::spikingjelly), vectors_(options.vectors) {
  width = height = kSide;
}

BlockDecoder::Step Aedat2Decoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  std::size_t used = 0;
  while (in_header_) {
    if (used == bytes.size()) return {used};
    if (bytes[used] != std::byte{'#'}) {
      if (at + used == 0) throw DataError("the first byte is no '#': an AEDAT 2.0 file begins with #!AER-DAT2.0");
      in_header_ = false;
      break;
    }
    const auto line = header_line(bytes.subspan(used), at + used);
    if (!line) return {used};
    if (line->text.starts_with("#!AER-DAT") && !line->text.starts_with("#!AER-DAT2")) {
      throw DataError(cat("the file begins with ", line->text.substr(0, 16), ", not with #!AER-DAT2.0"));
    }
    in_header_ = !ends_header(line->text);
    used += line->bytes;
  }
  Layout layout{upright_ ? 127u : 0u, upright_ ? 1u : 0u, vectors_};
  Step step = decode_clocked(layout, bytes.subspan(used), out, clock_, report);
  step.bytes += used;
  return step;
}

void Aedat2Decoder::finish(std::uint64_t end, std::size_t rest) {
  if (end == 0) throw DataError("the file is empty: an AEDAT 2.0 file begins with #!AER-DAT2.0");
  if (rest == 0) return;
  if (in_header_)
    throw DataError(cat("the file is cut: the header line at byte ", end - rest, " does not end before byte ", end));
  throw_cut(end, rest, kClockedRecordBytes, "an event");
}

}  // namespace dltonic::events
