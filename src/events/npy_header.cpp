#include <charconv>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/npy.h"

namespace dltonic::events {
namespace {

/// What stands behind `'key':` in NumPy's dictionary, spaces taken off.
std::string_view value_of(std::string_view text, std::string_view key) {
  const std::size_t found = text.find(cat('\'', key, "':"));
  if (found == std::string_view::npos) throw DataError(cat("the header has no '", key, "': ", text.substr(0, 120)));
  std::string_view value = text.substr(found + key.size() + 3);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view text) {
  NpyHeader header;
  const std::string_view type = value_of(text, "descr");
  const std::string_view word = type.substr(0, std::min<std::size_t>(type.size(), 5));  // '<f8'
  const bool quoted = word.size() == 5 && word[0] == '\'' && word[4] == '\'';
  const std::string_view order = quoted ? word.substr(1, 1) : "", kind = quoted ? word.substr(2, 1) : "",
                         size = quoted ? word.substr(3, 1) : "";
  const bool whole = (kind == "i" || kind == "u") && (size == "1" || size == "2" || size == "4" || size == "8");
  const bool floating = kind == "f" && (size == "4" || size == "8");
  if ((!whole && !floating) || std::string_view("<>|=").find(order) == std::string_view::npos || order.empty()) {
    throw DataError(cat("the array's type is ", type.substr(0, 40),
                        ": whole numbers (i, u) of 1, 2, 4 or 8 bytes and floating point ",
                        "(f) of 4 or 8 are supported, one type for all columns"));
  }
  header.kind = kind[0];
  header.value_bytes = static_cast<std::size_t>(size[0] - '0');
  header.big_endian = order == ">";

  const std::string_view fortran = value_of(text, "fortran_order");
  header.fortran_order = fortran.starts_with("True");
  if (!header.fortran_order && !fortran.starts_with("False"))
    throw DataError("the header's fortran_order is neither True nor False");

  const std::string_view shape = value_of(text, "shape");
  const std::size_t end = shape.find(')');
  const std::string_view numbers = shape.substr(0, end == std::string_view::npos ? shape.size() : end + 1);
  const char* at = numbers.data() + 1;
  const char* const stop = numbers.data() + numbers.size();
  const auto [next, error] = numbers.starts_with('(') ? std::from_chars(at, stop, header.rows)
                                                      : std::from_chars_result{at, std::errc::invalid_argument};
  const std::string_view rest = error == std::errc{} ? std::string_view(next, static_cast<std::size_t>(stop - next)) : "";
  if (rest != ", 4)" && rest != ",4)" && rest != ", 4,)") {
    throw DataError(cat("the array's shape is ", numbers.substr(0, 60), ", N x 4 is expected: x, y, p, t"));
  }
  constexpr std::uint64_t kMostRows = std::uint64_t{1} << 48;  // so that bytes can be counted
  if (header.rows > kMostRows)
    throw DataError(cat("the array has ", header.rows, " rows, says its header; is the file damaged?"));
  return header;
}

}  // namespace dltonic::events
