/// The lines of text that AEDAT 2, AEDAT 3 and DAT files begin with, and the errors that decoders of fixed records share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dltonic::events {

struct HeaderLine {
  std::string_view text;  ///< without its line ending
  std::size_t bytes;      ///< with it
};

/// The line at the front of `bytes`, which lie at byte `at` of the file; none where it does not end in them. Throws DataError
/// where a line is longer than 64 KiB: then it is no text.
std::optional<HeaderLine> header_line(std::span<const std::byte> bytes, std::uint64_t at);

/// "the file is cut: it ends at byte 1234, 3 bytes into the 8 bytes of an event at byte 1231" (`what`: "an event").
[[noreturn]] void throw_cut(std::uint64_t end, std::uint64_t rest, std::uint64_t needed, std::string_view what);

}  // namespace dltonic::events
