#include "events/aedat3.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/header_lines.h"
#include "events/vector_rows.h"

namespace dltonic::events {
namespace {

constexpr int kPolarityType = 1;

template <class Number>
Number little_endian(const std::byte* from) {
  static_assert(std::endian::native == std::endian::little, "AEDAT and DAT files are read as they lie in memory");
  Number number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

/// A line "#Source 1: DVS128" names the camera.
void set_sensor(std::string_view line, std::uint16_t& width, std::uint16_t& height) {
  struct Camera {
    std::string_view name;
    std::uint16_t width, height;
  };
  constexpr std::array<Camera, 3> kCameras{{{"DVS128", 128, 128}, {"DAVIS240", 240, 180}, {"DAVIS346", 346, 260}}};
  if (!line.starts_with("#Source") || width != 0) return;
  for (const Camera& camera : kCameras) {
    if (line.find(camera.name) != std::string_view::npos) width = camera.width, height = camera.height;
  }
}

}  // namespace

void Aedat3Decoder::read_packet_header(const std::byte* bytes, std::uint64_t at) {
  const int type = little_endian<std::int16_t>(bytes), source = little_endian<std::int16_t>(bytes + 2);
  const auto event_bytes = little_endian<std::int32_t>(bytes + 4), overflow = little_endian<std::int32_t>(bytes + 12);
  const auto capacity = little_endian<std::int32_t>(bytes + 16), number = little_endian<std::int32_t>(bytes + 20);
  const auto fault = [at](auto... what) { return DataError(cat("the packet at byte ", at, ' ', what...)); };
  if (type < 0) throw fault("is of type ", type, ": compressed packets are not supported; write the file without compression");
  if (event_bytes < 0 || capacity < 0 || number < 0 || number > capacity || overflow < 0) {
    throw fault("has no possible sizes: ", number, " events in a capacity of ", capacity, ", ", event_bytes,
                " bytes each, time overflow ", overflow, "; is the file damaged?");
  }
  if (type == kPolarityType && event_bytes != static_cast<int>(kEventBytes))
    throw fault("says that a polarity event has ", event_bytes, " bytes, it has 8");

  packet_at_ = at;
  packet_bytes_ = static_cast<std::uint64_t>(capacity) * static_cast<std::uint64_t>(event_bytes);
  events_left_ = 0;
  skip_left_ = packet_bytes_;
  if (type == kPolarityType && source_ < 0) source_ = source;
  if (type != kPolarityType || source != source_) {
    ++report.other_packets;
    return;
  }
  events_left_ = static_cast<std::uint64_t>(number);
  skip_left_ -= events_left_ * kEventBytes;
  epoch_ = overflow >> 1;
  highest_bit_ = static_cast<std::uint32_t>(overflow & 1) << 31;
}

std::size_t Aedat3Decoder::decode_events(const std::byte* bytes, std::size_t count, const EventSink& sink) {
  const EventSink out = sink;
  std::size_t i = 0, valid = 0;
#if defined(__AVX2__)
  const __m256i place = _mm256_set1_epi32(0x7FFF), one = _mm256_set1_epi32(1),
                high = _mm256_set1_epi32(static_cast<int>(highest_bit_));
  for (; vectors_ && i + avx2::kRows <= count; i += avx2::kRows) {
    const avx2::Words words = avx2::load_pairs(bytes + i * kEventBytes, false);
    avx2::store(out, i, _mm256_srli_epi32(words.first, 17), _mm256_and_si256(_mm256_srli_epi32(words.first, 2), place),
                _mm256_or_si256(words.second, high), _mm256_and_si256(_mm256_srli_epi32(words.first, 1), one));
    valid += static_cast<std::size_t>(std::popcount(avx2::sign_bits(_mm256_slli_epi32(words.first, 31))));
  }
#endif
  for (; i < count; ++i) {
    const auto data = little_endian<std::uint32_t>(bytes + i * kEventBytes);
    out.x[i] = static_cast<std::uint16_t>(data >> 17);
    out.y[i] = static_cast<std::uint16_t>(data >> 2 & 0x7FFF);
    out.t[i] = little_endian<std::uint32_t>(bytes + i * kEventBytes + 4) | highest_bit_;
    out.p[i] = static_cast<std::uint8_t>(data >> 1 & 1);
    valid += data & 1;
  }
  report.invalid += count - valid;
  return count;
}

BlockDecoder::Step Aedat3Decoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  std::size_t used = 0;
  while (in_text_) {
    const auto line = header_line(bytes.subspan(used), at + used);
    if (!line) return {used};
    if (at + used == 0 && !line->text.starts_with("#!AER-DAT3"))
      throw DataError("the file does not begin with #!AER-DAT3.1, the first line of AEDAT 3.1");
    if (!line->text.starts_with('#'))
      throw DataError(cat("the line at byte ", at + used, " does not begin with '#', and no #!END-HEADER came before it"));
    set_sensor(line->text, width, height);
    in_text_ = line->text != "#!END-HEADER";
    used += line->bytes;
  }
  while (used < bytes.size()) {
    if (events_left_ > 0) {
      const std::size_t whole = (bytes.size() - used) / kEventBytes;
      const std::size_t count = std::min({whole, out.room, static_cast<std::size_t>(events_left_)});
      decode_events(bytes.data() + used, count, out);
      events_left_ -= count;
      return {used + count * kEventBytes, count, epoch_};
    }
    if (skip_left_ > 0) {
      const std::uint64_t skipped = std::min<std::uint64_t>(skip_left_, bytes.size() - used);
      skip_left_ -= skipped;
      used += skipped;
      continue;
    }
    if (bytes.size() - used < kPacketHeaderBytes) break;
    read_packet_header(bytes.data() + used, at + used);
    used += kPacketHeaderBytes;
  }
  return {used};
}

void Aedat3Decoder::finish(std::uint64_t end, std::size_t rest) {
  if (in_text_) {
    throw DataError(end == 0 ? "the file is empty: an AEDAT 3.1 file begins with #!AER-DAT3.1"
                             : cat("the file is cut: no #!END-HEADER before its end at byte ", end));
  }
  if (events_left_ > 0 || skip_left_ > 0) {
    throw DataError(cat("the file is cut: the packet at byte ", packet_at_, " has ", packet_bytes_,
                        " bytes behind its header, ", end - packet_at_ - kPacketHeaderBytes, " are there"));
  }
  if (rest > 0) throw_cut(end, rest, kPacketHeaderBytes, "a packet's header");
}

}  // namespace dltonic::events
