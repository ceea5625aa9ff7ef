#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/decoder.h"

namespace dltonic::events {
namespace {

constexpr std::array<std::string_view, 6> kFormats{"atis", "aedat2", "aedat3", "aedat4", "dat", "npy"};
constexpr std::array<std::string_view, 2> kConventions{"spikingjelly", "raw"};

template <class Kind, std::size_t n>
Kind kind_from(const std::string& word, const std::array<std::string_view, n>& words, const char* what) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<Kind>(found - words.begin());
  throw ConfigError(cat("unknown ", what, " '", word, "'; known: ", join({words.begin(), words.end()})));
}

/// Lower case, from the last dot on; "" where there is none.
std::string ending_of(const std::string& file_name) {
  const std::size_t dot = file_name.find_last_of("./");
  if (dot == std::string::npos || file_name[dot] == '/') return "";
  std::string ending = file_name.substr(dot);
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending;
}

/// Letters as they are, everything else by its number: what a message can show of any file.
std::string seen(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "nothing, it is empty";
  std::string out = "\"";
  for (const std::byte byte : bytes.first(std::min<std::size_t>(bytes.size(), 12))) {
    const auto c = static_cast<unsigned char>(byte);
    constexpr const char* kDigits = "0123456789abcdef";
    if (c >= ' ' && c <= '~' && c != '\\' && c != '"') {
      out += static_cast<char>(c);
    } else {
      ((out += "\\x") += kDigits[c >> 4]) += kDigits[c & 15];
    }
  }
  return out + '"';
}

}  // namespace

Format format_from(const std::string& word) { return kind_from<Format>(word, kFormats, "format of recordings"); }
std::string_view name_of(Format format) { return kFormats[static_cast<std::size_t>(format)]; }

Aedat2Convention aedat2_convention_from(const std::string& word) {
  return kind_from<Aedat2Convention>(word, kConventions, "convention of AEDAT 2.0 addresses");
}
std::string_view name_of(Aedat2Convention convention) { return kConventions[static_cast<std::size_t>(convention)]; }

Format detect_format(const std::string& file_name, std::span<const std::byte> first_bytes) {
  const std::string_view head{reinterpret_cast<const char*>(first_bytes.data()), first_bytes.size()};
  const std::string ending = ending_of(file_name);
  if (head.starts_with("#!AER-DAT2")) return Format::aedat2;
  if (head.starts_with("#!AER-DAT3")) return Format::aedat3;
  if (head.starts_with("#!AER-DAT4")) return Format::aedat4;
  if (head.starts_with("\x93NUMPY")) return Format::npy;
  // The rest may begin like anything: the name decides, the first byte only refuses.
  if (ending == ".bin" || ending == ".bs2") return Format::atis;
  if (ending == ".dat" && head.starts_with('%')) return Format::dat;
  if (ending == ".aedat" && head.starts_with('#') && !head.starts_with("#!AER-DAT")) return Format::aedat2;
  throw DataError(cat(file_name, " is of no known format: its ending is \"", ending, "\" and it begins with ",
                      seen(first_bytes),
                      "; known: .bin and .bs2 (ATIS), .aedat (begins with #!AER-DAT2 or 3), .aedat4 (#!AER-DAT4), .dat (%), ",
                      ".npy (\\x93NUMPY)"));
}

}  // namespace dltonic::events
