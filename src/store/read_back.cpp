#include "store/read_back.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;  // stays in the second-level cache for hash and comparison
}

std::string sha256_of_written(const std::filesystem::path& file, std::vector<Written> written) {
  std::erase_if(written, [](const Written& w) { return w.bytes == 0; });
  std::sort(written.begin(), written.end(), [](const Written& a, const Written& b) { return a.at < b.at; });
  std::ifstream in(file, std::ios::binary);
  if (!in) throw StorageError(cat("cannot read back ", file.string()));
  Sha256 hash;
  std::vector<char> piece(kPieceBytes);
  std::uint64_t at = 0;
  auto next = written.begin();
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    const auto count = static_cast<std::uint64_t>(in.gcount());
    hash.update(std::string_view(piece.data(), count));
    for (; next != written.end() && next->at < at + count; ++next) {
      const std::uint64_t first = std::max(at, next->at), end = std::min(at + count, next->at + next->bytes);
      if (std::memcmp(piece.data() + (first - at), next->data + (first - next->at), end - first) != 0) {
        throw StorageError(cat(file.string(), " does not read back as it was written: ", next->name, " differs between bytes ",
                               first, " and ", end, "; is this storage sound?"));
      }
      if (end < next->at + next->bytes) break;  // goes on in the next piece
    }
    at += count;
  }
  if (in.bad()) throw StorageError(cat("reading back ", file.string(), " failed after ", at, " bytes"));
  if (next != written.end())
    throw StorageError(cat(file.string(), " reads back as ", at, " bytes, ", next->name, " ends at ", next->at + next->bytes));
  return hash.hex();
}

}  // namespace dltonic::store
