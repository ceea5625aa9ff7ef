/// Recordings in the formats of event cameras, from memory at once (`decode`) or in blocks from anything that gives bytes
/// (`EventStream`). Both run the same decoder, so they agree in every event, count and error.
///
/// What every format has in common: times are held in 64 bits, come as the file has them (also where they step back: see
/// checks.h), and a file that is cut or whose sizes do not fit is a DataError that names the byte and both numbers. No size in
/// a file is trusted before it is compared with what is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dltonic/events/recording.h"

namespace dltonic::events {

enum class Format : std::uint8_t {
  atis,    ///< 5-byte rows: N-MNIST, N-Caltech101 `.bin`, SLAYER `.bs2`
  aedat2,  ///< AEDAT 2.0 of a DVS128: CIFAR10-DVS
  aedat3,  ///< AEDAT 3.x: DVS128 Gesture; its labels lie in a second file, see gesture_labels.h
  aedat4,  ///< AEDAT 4.0, compressed by LZ4, zstd or not at all
  dat,     ///< Prophesee DAT: N-CARS
  npy,     ///< NumPy array N x 4 of x, y, p, t: repacks of DVS128 Gesture
};

/// "atis", "aedat2", ... Throws ConfigError that lists the known words.
Format format_from(const std::string& word);
std::string_view name_of(Format format);
/// By what the file begins with (64 bytes are enough) and by the ending of its name. Throws DataError that says what was seen.
Format detect_format(const std::string& file_name, std::span<const std::byte> first_bytes);

/// How an AEDAT 2.0 address of a DVS128 (bit 0: polarity, 1-7: column, 8-14: row) becomes x, y and p.
enum class Aedat2Convention : std::uint8_t {
  spikingjelly,  ///< x = 127 - row, y = 127 - column, p = 1 - bit: upright, as in papers
  raw,           ///< x = row, y = column, p = bit: as Tonic reads it
};
/// Throws ConfigError that lists the known words.
Aedat2Convention aedat2_convention_from(const std::string& word);
std::string_view name_of(Aedat2Convention convention);

struct DecodeOptions {
  Aedat2Convention aedat2 = Aedat2Convention::spikingjelly;
  double npy_time_us = 1000;  ///< microseconds in a unit of an `.npy` file's times; fractions are rounded to nearest
  bool vectors = true;        ///< false: without vector instructions, the oracle of the path with them
};

/// What a decoder met. Counts of things that a format does not have stay 0.
struct DecodeReport {
  std::size_t events = 0;
  std::size_t overflow_rows = 0;  ///< ATIS markers that carry time on
  std::size_t back_steps = 0;     ///< events whose time is before that of the event in front of them
  std::size_t wraps = 0;          ///< times that passed 2^32 us and began anew, undone (AEDAT 2, DAT)
  std::size_t skipped = 0;        ///< records that are no polarity events, left out (AEDAT 2)
  std::size_t invalid = 0;        ///< events that their camera marks as invalid, or a polarity above 1 (DAT); kept
  std::size_t other_packets = 0;  ///< packets of other types or of a second camera, left out (AEDAT 3 and 4)
  bool operator==(const DecodeReport&) const = default;
};

/// Replaces events, t_offset, width, height and duration of `out`; keeps its memory where that suffices. Width and height are
/// 0 where the format does not tell them. t_offset is 0 where a format's times begin with the recording (ATIS, DAT, npy) and
/// fit 32 bits, the earliest time otherwise.
/// Throws DataError: damaged, cut, or longer than 2^32 us.
DecodeReport decode(Format format, std::span<const std::byte> bytes, const DecodeOptions& options, Recording& out);

/// Writes the next bytes of a recording to the front of a buffer and returns how many; 0 only at the end.
using ByteSource = std::function<std::size_t(std::span<std::byte>)>;
/// Throws StorageError: at once where the file cannot be opened, later where it cannot be read.
ByteSource file_source(const std::filesystem::path& path);
/// The bytes must stay where they are.
ByteSource memory_source(std::span<const std::byte> bytes);

/// Successive events; the time of event i is t_offset + events.t[i], whatever the recording's length.
struct EventBlock {
  Events events;
  std::int64_t t_offset = 0;
};

/// A recording of any length in bounded memory: about 300 kB, for AEDAT 4 its largest packet beside. (The `.npy` of an array in
/// Fortran order, where all times stand last, takes 5 bytes an event.)
class EventStream {
 public:
  EventStream(Format format, ByteSource source, const DecodeOptions& options = {});
  ~EventStream();
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;

  /// Replaces `block` by the next 1 ... `most` events; false at the recording's end. Throws DataError as decode does, after the
  /// blocks in front of the fault were given; then, and after the end, it must not be called again.
  bool next(EventBlock& block, std::size_t most);
  /// Of the events given so far; complete after the end.
  DecodeReport report() const;
  /// 0 where the format does not tell them, or before the first call of next.
  std::uint16_t width() const;
  std::uint16_t height() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace dltonic::events
