/// Writers of recordings in each format, piece by piece, for tests of long recordings and for benchmarks.
#pragma once

#include <lz4frame.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/events/decoder.h"

namespace dltonic::events {

/// An event in the clock of the file.
struct TimedEvent {
  std::int64_t t = 0;
  std::uint16_t x = 0, y = 0;
  std::uint8_t p = 0;
};

class RecordingWriter {
 public:
  /// `zstd`: AEDAT 4 packets are compressed by zstd rather than LZ4. `rows`: how many events there will be (npy).
  explicit RecordingWriter(Format format, std::uint64_t rows = 0, bool zstd = false) : format_(format), zstd_(zstd) {
    switch (format) {
      case Format::atis:
        break;
      case Format::aedat2:
        text("#!AER-DAT2.0\r\n# made by a test\r\n");
        break;
      case Format::aedat3:
        text("#!AER-DAT3.1\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n");
        break;
      case Format::aedat4:
        text("#!AER-DAT4.0\r\n");
        // The root at 20, its vtable at 8: compression, no table of packets, no text.
        put<std::uint32_t>({36, 20}), text("IOHE"), put<std::uint16_t>({8, 16, 4, 8, 0, 0});
        put<std::int32_t>({12, zstd ? 3 : 1}), put<std::int64_t>({-1});
        break;
      case Format::dat:
        text("% made by a test\n"), put<std::uint8_t>({0, 8});
        break;
      case Format::npy: {
        std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", 4), }";
        header.resize(117, ' ');
        text("\x93NUMPY"), put<std::uint8_t>({1, 0}), put<std::uint16_t>({118}), text(header + "\n");
      }
    }
  }

  /// What was written since the last call; a packet each call in the formats that have them.
  std::vector<std::byte> take() {
    const auto* from = reinterpret_cast<const std::byte*>(bytes_.data());
    std::vector<std::byte> out(from, from + bytes_.size());
    bytes_.clear();
    return out;
  }

  void write(const std::vector<TimedEvent>& events) {
    if (format_ == Format::aedat3) {
      put<std::int16_t>({1, 1});
      const auto count = static_cast<std::int32_t>(events.size());
      put<std::int32_t>({8, 4, static_cast<std::int32_t>(events.front().t >> 31), count, count, count});
    }
    if (format_ == Format::aedat4) return write_packet(events);
    for (const TimedEvent& e : events) {
      const auto low = static_cast<std::uint32_t>(e.t);
      switch (format_) {
        case Format::atis:
          write_atis(e);
          break;
        case Format::aedat2:
          put<std::uint32_t>({__builtin_bswap32((127u - e.x) << 8 | (127u - e.y) << 1 | (1u - e.p)), __builtin_bswap32(low)});
          break;
        case Format::aedat3:
          put<std::uint32_t>({std::uint32_t{e.x} << 17 | std::uint32_t{e.y} << 2 | e.p * 2u | 1u, low & 0x7FFFFFFF});
          break;
        case Format::dat:
          put<std::uint32_t>({low, e.x | std::uint32_t{e.y} << 14 | std::uint32_t{e.p} << 28});
          break;
        case Format::npy:
          put<double>({1.0 * e.x, 1.0 * e.y, 1.0 * e.p, static_cast<double>(e.t) / 1000});
          break;
        case Format::aedat4:
          break;
      }
    }
  }

  /// A packet of AEDAT 4 with this content, packed, whatever it is.
  void write_packet(std::string_view content) {
    std::vector<char> packed(zstd_ ? ZSTD_compressBound(content.size()) : LZ4F_compressFrameBound(content.size(), nullptr));
    const std::size_t size = zstd_ ? ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), 1)
                                   : LZ4F_compressFrame(packed.data(), packed.size(), content.data(), content.size(), nullptr);
    put<std::int32_t>({0, static_cast<std::int32_t>(size)});
    text({packed.data(), size});
  }

 private:
  template <class Number>
  void put(std::initializer_list<Number> numbers) {
    text({reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(Number)});
  }
  void text(std::string_view characters) { bytes_ += characters; }

  void write_atis(const TimedEvent& e) {
    while (e.t - atis_offset_ > 0x7FFFFF) {
      put<std::uint8_t>({0, 240, 0, 0, 0});
      atis_offset_ += 1 << 13;
    }
    const auto word = static_cast<std::uint32_t>(e.t - atis_offset_) | std::uint32_t{e.p} << 23;
    put<std::uint8_t>({static_cast<std::uint8_t>(e.x), static_cast<std::uint8_t>(e.y), static_cast<std::uint8_t>(word >> 16),
                       static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)});
  }

  /// The root at 16, its vtable at 8, the vector's length at 24, its events at 28: aligned with the size in front.
  void write_packet(const std::vector<TimedEvent>& events) {
    std::string outside = std::exchange(bytes_, {});
    put<std::uint32_t>({static_cast<std::uint32_t>(28 + 16 * events.size()), 16}), text("EVTS");
    put<std::uint16_t>({6, 8, 4, 0}), put<std::int32_t>({8, 4, static_cast<std::int32_t>(events.size())});
    for (const TimedEvent& e : events) {
      put<std::int64_t>({e.t});
      put<std::uint16_t>({e.x, e.y}), put<std::uint32_t>({e.p});
    }
    write_packet(std::string_view(std::exchange(bytes_, std::move(outside))));
  }

  Format format_;
  bool zstd_;
  std::int64_t atis_offset_ = 0;
  std::string bytes_;
};

}  // namespace dltonic::events
