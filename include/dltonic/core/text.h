/// Small text helpers. `cat` instead of a formatting library in headers: fmt stays inside core (LibTorch ships another
/// version of it), and g++ 12 has no std::format.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace dltonic {

/// All arguments, one after the other, as operator<< writes them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// "a, b, c"
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");
/// Fixed number of decimals: fixed(0.98765, 2) = "0.99".
std::string fixed(double value, int decimals);
/// 60000 -> "60,000".
std::string with_commas(std::uint64_t value);
/// "173.2 MB" (decimal units).
std::string human_bytes(std::uint64_t bytes);
/// "42 s", "3 min 07 s", "2 h 05 min".
std::string human_seconds(double seconds);
/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `word`, or "" where none is near (distance more than a third of the word's length + 1).
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace dltonic
