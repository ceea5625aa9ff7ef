#include "events/aedat4.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/aedat4_generated.h"
#include "events/header_lines.h"
#include "events/vector_rows.h"

namespace dltonic::events {
namespace {

constexpr std::string_view kFirstLine = "#!AER-DAT4.0\r\n";
constexpr std::size_t kSizeBytes = 4, kPacketHeaderBytes = 8, kEventBytes = sizeof(aedat4::Event);
constexpr std::uint32_t kMostHeaderBytes = 1u << 24;
/// Behind the size: where the root is, and the identifier. The library's own check of identifiers reads that much of any
/// buffer.
constexpr std::size_t kLeastFlatBuffer = 8;
/// What a packet may have, packed or not: 4 million events, a second of the busiest camera.
constexpr std::size_t kMostPacketBytes = std::size_t{1} << 26;
/// Events do not shrink to less than this share, so what unpacks to more is no recording.
constexpr std::size_t kMostExpansion = 512, kMostExpansionBase = std::size_t{1} << 16;
static_assert(kEventBytes == 16 && std::endian::native == std::endian::little);

template <class Number>
Number little_endian(const std::byte* from) {
  Number number;
  std::memcpy(&number, from, sizeof number);
  return number;
}

/// The first number behind key="<key>" that follows the first stream of events in dv's XML; 0 where there is none.
std::uint16_t sensor_size(std::string_view info, std::string_view key) {
  const std::size_t events = info.find(">EVTS<");
  const std::size_t attribute = info.find(cat("key=\"", key, "\""), events == std::string_view::npos ? 0 : events);
  if (attribute == std::string_view::npos) return 0;
  const std::size_t number = info.find('>', attribute);
  std::uint16_t size = 0;
  if (number != std::string_view::npos) std::from_chars(info.data() + number + 1, info.data() + info.size(), size);
  return size;
}

Compression compression_of(const aedat4::FileHeader& header) {
  switch (header.compression()) {
    case aedat4::Compression::none:
      return Compression::none;
    case aedat4::Compression::lz4:
    case aedat4::Compression::lz4_high:
      return Compression::lz4;
    case aedat4::Compression::zstd:
    case aedat4::Compression::zstd_high:
      return Compression::zstd;
  }
  throw DataError(cat("the header names compression ", static_cast<int>(header.compression()),
                      ": 0 (none), 1, 2 (LZ4), 3 and 4 (zstd) are known"));
}

const std::uint8_t* unsigned_bytes(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

}  // namespace

/// Returns the header's bytes, 0 where not all of them are there.
std::size_t Aedat4Decoder::read_header(std::span<const std::byte> bytes) {
  const std::string_view line{reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kFirstLine.size())};
  if (line != kFirstLine.substr(0, line.size()))
    throw DataError("the file does not begin with #!AER-DAT4.0, the first line of AEDAT 4");
  if (bytes.size() < kFirstLine.size() + kSizeBytes) return 0;
  const auto size = little_endian<std::uint32_t>(bytes.data() + kFirstLine.size());
  if (size > kMostHeaderBytes) {
    throw DataError(
        cat("the header has ", size, " bytes, says byte ", kFirstLine.size(), ": at most ", kMostHeaderBytes, " are read"));
  }
  const std::size_t end = kFirstLine.size() + kSizeBytes + size;
  if (bytes.size() < end) return 0;
  // Copied to where FlatBuffers may read its numbers in place.
  const std::span<const std::byte> content = bytes.subspan(kFirstLine.size(), kSizeBytes + size);
  const std::vector<std::byte> aligned(content.begin(), content.end());
  flatbuffers::Verifier verifier(unsigned_bytes(aligned), aligned.size());
  if (size < kLeastFlatBuffer || !verifier.VerifySizePrefixedBuffer<aedat4::FileHeader>("IOHE"))
    throw DataError(cat("the header at byte ", kFirstLine.size(), " is damaged: it is no FlatBuffer IOHE of ", size, " bytes"));
  const auto& header = *flatbuffers::GetSizePrefixedRoot<aedat4::FileHeader>(aligned.data());

  decompressor_.emplace(compression_of(header));
  const std::int64_t table = header.data_table_position();
  packets_end_ = table > 0 ? static_cast<std::uint64_t>(table) : ~std::uint64_t{0};
  if (packets_end_ < end)
    throw DataError(cat("the table of packets begins at byte ", table, ", says the header, which itself ends at byte ", end));
  if (header.info() != nullptr) {
    width = sensor_size(header.info()->string_view(), "sizeX");
    height = sensor_size(header.info()->string_view(), "sizeY");
  }
  return end;
}

/// `bytes` are the whole packet, which begins at byte `at`.
void Aedat4Decoder::open_packet(std::span<const std::byte> bytes, std::uint64_t at) {
  constexpr std::size_t kIdentifierEnd = kSizeBytes + kLeastFlatBuffer;
  const auto stream = little_endian<std::int32_t>(bytes.data());
  const std::span<const std::byte> packed = bytes.subspan(kPacketHeaderBytes);
  packet_bytes_ = bytes.size();
  events_left_ = 0;
  with_context(cat("the packet at byte ", at), [&] {
    const std::span<const std::byte> front = decompressor_->begin(packed, kIdentifierEnd);
    const bool has_events = front.size() >= kIdentifierEnd && std::memcmp(front.data() + kIdentifierEnd - 4, "EVTS", 4) == 0;
    if (!has_events || (stream_ && *stream_ != stream)) {
      ++report.other_packets;
      return;
    }
    stream_ = stream;
    const std::size_t most = std::min(kMostPacketBytes, kMostExpansion * packed.size() + kMostExpansionBase);
    const std::span<const std::byte> content = decompressor_->rest(most);
    flatbuffers::Verifier verifier(unsigned_bytes(content), content.size());
    if (!verifier.VerifySizePrefixedBuffer<aedat4::EventPacket>("EVTS"))
      throw DataError(cat("it is damaged: its ", content.size(), " bytes, unpacked, are no FlatBuffer EVTS"));
    const auto* elements = flatbuffers::GetSizePrefixedRoot<aedat4::EventPacket>(content.data())->elements();
    if (elements == nullptr) return;
    events_ = reinterpret_cast<const std::byte*>(elements->Data());
    events_left_ = elements->size();
  });
}

/// Decodes up to `count` events while their times have this epoch; returns how many.
std::size_t Aedat4Decoder::decode_events(std::size_t count, const EventSink& sink, std::int64_t epoch) {
  const EventSink out = sink;
  std::size_t i = 0;
  while (i < count) {
#if defined(__AVX2__)
    // Events 0-3 in the lower lanes, 4-7 in the upper ones; transposed, a register holds one field of all eight.
    const __m256i upper = _mm256_set1_epi32(static_cast<int>(epoch)), low_half = _mm256_set1_epi32(0xFFFF);
    const __m256i signs = _mm256_set1_epi32(static_cast<int>(0x8000'8000u));
    const __m256i byte = _mm256_set1_epi32(0xFF), odd = _mm256_set1_epi32(0xFE);
    for (; vectors_ && i + avx2::kRows <= count; i += avx2::kRows) {
      const std::byte* from = events_ + i * kEventBytes;
      const auto two = [from](std::size_t event) {
        const auto* low = reinterpret_cast<const __m128i*>(from + event * kEventBytes);
        const auto* high = reinterpret_cast<const __m128i*>(from + (event + 4) * kEventBytes);
        return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)), _mm_loadu_si128(high), 1);
      };
      const __m256i e0 = two(0), e1 = two(1), e2 = two(2), e3 = two(3);
      const __m256i t01 = _mm256_unpacklo_epi32(e0, e1), t23 = _mm256_unpacklo_epi32(e2, e3);
      const __m256i w01 = _mm256_unpackhi_epi32(e0, e1), w23 = _mm256_unpackhi_epi32(e2, e3);
      const __m256i low = _mm256_unpacklo_epi64(t01, t23), high = _mm256_unpackhi_epi64(t01, t23);
      const __m256i xy = _mm256_unpacklo_epi64(w01, w23), on = _mm256_unpackhi_epi64(w01, w23);
      const __m256i wrong = _mm256_or_si256(_mm256_xor_si256(high, upper),
                                            _mm256_or_si256(_mm256_and_si256(xy, signs), _mm256_and_si256(on, odd)));
      if (_mm256_testz_si256(wrong, wrong) == 0) break;
      avx2::store(out, i, _mm256_and_si256(xy, low_half), _mm256_srli_epi32(xy, 16), low, _mm256_and_si256(on, byte));
    }
#endif
    for (const std::size_t end = std::min(count, i + 8); i < end; ++i) {
      const std::byte* from = events_ + i * kEventBytes;
      const auto time = little_endian<std::int64_t>(from);
      if (time >> 32 != epoch) return i;
      const auto x = little_endian<std::int16_t>(from + 8), y = little_endian<std::int16_t>(from + 10);
      if (x < 0 || y < 0) throw DataError(cat("event ", event_ + i, " lies at x ", x, ", y ", y, "; is the file damaged?"));
      out.x[i] = static_cast<std::uint16_t>(x);
      out.y[i] = static_cast<std::uint16_t>(y);
      out.t[i] = static_cast<std::uint32_t>(time);
      out.p[i] = from[12] != std::byte{0} ? 1 : 0;
    }
  }
  return i;
}

BlockDecoder::Step Aedat4Decoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  if (!decompressor_) return {read_header(bytes)};
  std::size_t used = 0;
  while (true) {
    if (packet_bytes_ > 0) {
      Step step;
      if (events_left_ > 0) {
        step.epoch = little_endian<std::int64_t>(events_) >> 32;
        step.events = decode_events(std::min(events_left_, out.room), out, step.epoch);
        events_ += step.events * kEventBytes;
        events_left_ -= step.events;
        event_ += step.events;
      }
      // The packet's bytes are let go with its last event: until then they are offered again.
      if (events_left_ == 0) used += std::exchange(packet_bytes_, 0);
      step.bytes = used;
      if (step.events > 0) return step;
    }
    const std::uint64_t here = at + used;
    if (here >= packets_end_) return {bytes.size()};
    wanted_ = kPacketHeaderBytes;
    if (bytes.size() - used < kPacketHeaderBytes) return {used};
    const auto size = little_endian<std::int32_t>(bytes.data() + used + 4);
    if (size <= 0 || static_cast<std::size_t>(size) > kMostPacketBytes) {
      throw DataError(
          cat("the packet at byte ", here, " has ", size, " bytes, says its header: 1 to ", kMostPacketBytes, " are possible"));
    }
    const std::size_t whole = kPacketHeaderBytes + static_cast<std::size_t>(size);
    if (here + whole > packets_end_) {
      throw DataError(cat("the packet at byte ", here, " ends at byte ", here + whole,
                          ", the table of packets begins before, at byte ", packets_end_));
    }
    wanted_ = whole;
    if (bytes.size() - used < whole) return {used};
    open_packet(bytes.subspan(used, whole), here);
  }
}

void Aedat4Decoder::finish(std::uint64_t end, std::size_t rest) {
  if (end == 0) throw DataError("the file is empty: an AEDAT 4 file begins with #!AER-DAT4.0");
  if (!decompressor_) throw DataError(cat("the file is cut within its header, at byte ", end));
  if (rest > 0) throw_cut(end, rest, wanted_, "a packet");
  if (packets_end_ != ~std::uint64_t{0} && packets_end_ > end)
    throw DataError(
        cat("the file is cut: its table of packets begins at byte ", packets_end_, ", the file ends at byte ", end));
}

}  // namespace dltonic::events
