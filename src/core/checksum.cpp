#include "dltonic/core/checksum.h"

#define XXH_INLINE_ALL  // compiled for this machine's vectors, where the library is for any
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "core/digest.h"

namespace dltonic {
namespace {

BlockDigest digest_of(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  BlockDigest digest;
  static_assert(sizeof canonical.digest == sizeof digest);
  std::memcpy(digest.data(), canonical.digest, sizeof digest);
  return digest;
}

}  // namespace

struct BlockSum::State {
  XXH3_state_t* hash = XXH3_createState();
  State() {
    if (hash == nullptr || XXH3_128bits_reset(hash) != XXH_OK) throw std::bad_alloc();
  }
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

BlockSum::BlockSum() : state_(std::make_unique<State>()) {}
BlockSum::~BlockSum() = default;

void BlockSum::update(std::span<const std::byte> bytes) { XXH3_128bits_update(state_->hash, bytes.data(), bytes.size()); }

BlockDigest BlockSum::next() {
  const BlockDigest digest = digest_of(XXH3_128bits_digest(state_->hash));
  XXH3_128bits_reset(state_->hash);
  return digest;
}

std::string checksum_of(std::span<const BlockDigest> blocks) {
  return kChecksumKind + hex_of(digest_of(XXH3_128bits(blocks.data(), blocks.size_bytes())));
}

void Checksum::update(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kChecksumBlock - in_block_);
    block_.update(bytes.first(count));
    in_block_ += count;
    if (in_block_ == kChecksumBlock) {
      blocks_.push_back(block_.next());
      in_block_ = 0;
    }
    bytes = bytes.subspan(count);
  }
}

std::string Checksum::text() {
  if (in_block_ > 0) blocks_.push_back(block_.next());
  return checksum_of(blocks_);
}

std::string checksum(std::string_view content) {
  Checksum sum;
  sum.update(std::as_bytes(std::span(content)));
  return sum.text();
}

std::string checksum_file(const std::filesystem::path& path) {
  Checksum sum;
  each_piece(path, kChecksumBlock, [&](std::span<const std::byte> bytes) { sum.update(bytes); });
  return sum.text();
}

}  // namespace dltonic
