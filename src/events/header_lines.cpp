#include "events/header_lines.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {

std::optional<HeaderLine> header_line(std::span<const std::byte> bytes, std::uint64_t at) {
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLongest)};
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    if (bytes.size() < kLongest) return std::nullopt;
    throw DataError(cat("the header line at byte ", at, " does not end within ", kLongest, " bytes: is the file damaged?"));
  }
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return HeaderLine{line, end + 1};
}

void throw_cut(std::uint64_t end, std::uint64_t rest, std::uint64_t needed, std::string_view what) {
  throw DataError(cat("the file is cut: it ends at byte ", end, ", ", rest, " bytes into the ", needed, " bytes of ", what,
                      " at byte ", end - rest));
}

}  // namespace dltonic::events
