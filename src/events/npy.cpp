#include "events/npy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/header_lines.h"

namespace dltonic::events {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLongestHeader = std::size_t{1} << 16;

template <class Number>
Number load(const std::byte* from, bool big_endian) {
  std::byte bytes[sizeof(Number)];
  std::memcpy(bytes, from, sizeof bytes);
  if (big_endian) std::reverse(bytes, bytes + sizeof bytes);
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

[[noreturn]] void throw_value(std::uint64_t row, const char* column, double value, const char* expected) {
  throw DataError(cat("row ", row, ": ", column, " is ", value, ", ", expected, " is expected; the columns are x, y, p, t"));
}

template <class Number>
std::uint16_t place(Number value, std::uint64_t row, const char* column) {
  if (!(value >= 0) || static_cast<double>(value) > 65535 ||
      static_cast<double>(value) != std::floor(static_cast<double>(value)))
    throw_value(row, column, static_cast<double>(value), "a whole number from 0 to 65535");
  return static_cast<std::uint16_t>(value);
}

template <class Number>
std::uint8_t polarity(Number value, std::uint64_t row) {
  if (value != Number{0} && value != Number{1}) throw_value(row, "p", static_cast<double>(value), "0 or 1");
  return value != Number{0} ? 1 : 0;
}

template <class Number>
std::int64_t time_us(Number value, double unit_us, std::uint64_t row) {
  if constexpr (std::is_integral_v<Number>) {
    // Whole numbers times a whole unit stay exact.
    const auto unit = static_cast<std::int64_t>(unit_us);
    std::int64_t time = 0;
    if (static_cast<double>(unit) == unit_us && !__builtin_mul_overflow(value, unit, &time)) return time;
  }
  const double time = std::nearbyint(static_cast<double>(value) * unit_us);
  constexpr double kMost = 9.2e18;  // below 2^63
  if (!(std::abs(time) < kMost)) throw_value(row, "t", static_cast<double>(value), "a time that fits 64 bits of microseconds");
  return static_cast<std::int64_t>(time);
}

std::int64_t epoch_of(std::int64_t time) { return time >> 32; }

}  // namespace

NpyDecoder::NpyDecoder(const DecodeOptions& options) : unit_us_(options.npy_time_us) {
  if (!(unit_us_ >= 1e-6 && unit_us_ <= 1e9))
    throw ConfigError(cat("an .npy file's unit of time cannot be ", unit_us_, " us: between 1e-6 and 1e9 us is"));
}

/// Returns the header's bytes, 0 where not all of them are there.
std::size_t NpyDecoder::read_header(std::span<const std::byte> bytes) {
  const std::string_view head{reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kMagic.size())};
  if (head != kMagic.substr(0, head.size())) throw DataError("the file does not begin with \\x93NUMPY as .npy files do");
  if (bytes.size() < 12) return 0;
  const int version = static_cast<int>(bytes[6]);
  if (version < 1 || version > 3) throw DataError(cat(".npy format ", version, " at byte 6: 1, 2 and 3 are known"));
  const std::size_t text_at = version == 1 ? 10 : 12;
  const std::uint32_t text_bytes =
      version == 1 ? load<std::uint16_t>(bytes.data() + 8, false) : load<std::uint32_t>(bytes.data() + 8, false);
  if (text_bytes > kLongestHeader)
    throw DataError(cat("the header has ", text_bytes, " bytes, says byte 8: at most ", kLongestHeader, " are read"));
  if (bytes.size() < text_at + text_bytes) return 0;
  header_ = parse_npy_header({reinterpret_cast<const char*>(bytes.data()) + text_at, text_bytes});
  return text_at + text_bytes;
}

BlockDecoder::Step NpyDecoder::step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) {
  if (in_header_) {
    const std::size_t used = read_header(bytes);
    array_at_ = at + used;
    in_header_ = used == 0;
    return {used};
  }
  const std::size_t size = header_.value_bytes;
  if (header_.kind == 'f') return size == 4 ? read<float>(bytes, out) : read<double>(bytes, out);
  if (header_.kind == 'i') {
    if (size == 1) return read<std::int8_t>(bytes, out);
    if (size == 2) return read<std::int16_t>(bytes, out);
    return size == 4 ? read<std::int32_t>(bytes, out) : read<std::int64_t>(bytes, out);
  }
  if (size == 1) return read<std::uint8_t>(bytes, out);
  if (size == 2) return read<std::uint16_t>(bytes, out);
  return size == 4 ? read<std::uint32_t>(bytes, out) : read<std::uint64_t>(bytes, out);
}

template <class Number>
BlockDecoder::Step NpyDecoder::read(std::span<const std::byte> bytes, const EventSink& out) {
  return header_.fortran_order ? read_columns<Number>(bytes, out) : read_rows<Number>(bytes, out);
}

template <class Number>
BlockDecoder::Step NpyDecoder::read_rows(std::span<const std::byte> bytes, const EventSink& out) {
  constexpr std::size_t kRowBytes = 4 * sizeof(Number);
  const std::uint64_t count = std::min<std::uint64_t>({bytes.size() / kRowBytes, out.room, header_.rows - row_});
  const bool swap = header_.big_endian;
  Step step;
  for (std::size_t i = 0; i < count; ++i, ++row_) {
    const std::byte* from = bytes.data() + i * kRowBytes;
    const std::int64_t time = time_us(load<Number>(from + 3 * sizeof(Number), swap), unit_us_, row_);
    if (i == 0) step.epoch = epoch_of(time);
    if (step.epoch != epoch_of(time)) break;
    out.x[i] = place(load<Number>(from, swap), row_, "x");
    out.y[i] = place(load<Number>(from + sizeof(Number), swap), row_, "y");
    out.p[i] = polarity(load<Number>(from + 2 * sizeof(Number), swap), row_);
    out.t[i] = static_cast<std::uint32_t>(time);
    step.events = i + 1;
  }
  step.bytes = step.events * kRowBytes;
  return step;
}

/// All of x, then all of y, of p, of t: the first three wait here for the last.
template <class Number>
BlockDecoder::Step NpyDecoder::read_columns(std::span<const std::byte> bytes, const EventSink& out) {
  const bool swap = header_.big_endian;
  Step step;
  for (; bytes.size() - step.bytes >= sizeof(Number) && column_ < 4; step.bytes += sizeof(Number)) {
    if (row_ == header_.rows) ++column_, row_ = 0;
    if (column_ == 4 || header_.rows == 0) break;
    const auto value = load<Number>(bytes.data() + step.bytes, swap);
    if (column_ == 0) x_.push_back(place(value, row_, "x"));
    if (column_ == 1) y_.push_back(place(value, row_, "y"));
    if (column_ == 2) p_.push_back(polarity(value, row_));
    if (column_ == 3) {
      if (step.events == out.room) break;
      const std::int64_t time = time_us(value, unit_us_, row_);
      if (step.events == 0) step.epoch = epoch_of(time);
      if (step.epoch != epoch_of(time)) break;
      out.x[step.events] = x_[row_];
      out.y[step.events] = y_[row_];
      out.p[step.events] = p_[row_];
      out.t[step.events++] = static_cast<std::uint32_t>(time);
    }
    ++row_;
  }
  return step;
}

void NpyDecoder::finish(std::uint64_t end, std::size_t) {
  if (in_header_)
    throw DataError(end == 0 ? "the file is empty: an .npy file begins with \\x93NUMPY"
                             : cat("the file is cut within its header, at byte ", end));
  const std::uint64_t said = header_.rows * 4 * header_.value_bytes, there = end - array_at_;
  if (there == said) return;
  throw DataError(cat(there < said ? "the file is cut: " : "the file is too long: ", header_.rows, " rows are ", said,
                      " bytes from byte ", array_at_, " on, ", there, " are there"));
}

}  // namespace dltonic::events
