/// What hash, checksum and md5 share: a file's bytes in pieces, and a digest as text.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "dltonic/core/error.h"

namespace dltonic {

/// take(bytes) for a file's content, `piece_bytes` at a time. Throws StorageError.
template <class Take>
void each_piece(const std::filesystem::path& path, std::size_t piece_bytes, Take take) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw StorageError("cannot read " + path.string());
  std::vector<char> piece(piece_bytes);
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
    take(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(file.gcount()))));
  if (file.bad()) throw StorageError("reading " + path.string() + " failed");
}

/// Two lower-case hexadecimal digits a byte.
inline std::string hex_of(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += digits[std::to_integer<unsigned>(byte) >> 4];
    text += digits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

}  // namespace dltonic
