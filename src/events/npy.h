/// NumPy's `.npy` (format 1 to 3) of an array N x 4 whose columns are x, y, p, t, of whole numbers or floating point, in C or
/// Fortran order.
#pragma once

#include <vector>

#include "events/block_decoder.h"

namespace dltonic::events {

/// What the text in front of the array says.
struct NpyHeader {
  char kind = 0;  ///< i, u, f
  std::size_t value_bytes = 0;
  bool big_endian = false, fortran_order = false;
  std::uint64_t rows = 0;
};
/// Throws DataError for what is no such array.
NpyHeader parse_npy_header(std::string_view text);

class NpyDecoder final : public BlockDecoder {
 public:
  /// Throws ConfigError for a unit of time that is none.
  explicit NpyDecoder(const DecodeOptions& options);

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / 32; }
  bool begins_at_zero() const override { return true; }

 private:
  std::size_t read_header(std::span<const std::byte> bytes);
  template <class Number>
  Step read(std::span<const std::byte> bytes, const EventSink& out);
  template <class Number>
  Step read_rows(std::span<const std::byte> bytes, const EventSink& out);
  template <class Number>
  Step read_columns(std::span<const std::byte> bytes, const EventSink& out);

  double unit_us_;
  bool in_header_ = true;
  NpyHeader header_;
  std::uint64_t array_at_ = 0;
  std::uint64_t row_ = 0;  ///< of the column, in Fortran order
  int column_ = 0;
  // In Fortran order, what came before the times.
  std::vector<std::uint16_t> x_, y_;
  std::vector<std::uint8_t> p_;
};

}  // namespace dltonic::events
