#include "events/decompressor.h"

#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {

struct Decompressor::Contexts {
  struct FreeLz4 {
    void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
  };
  struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<LZ4F_dctx, FreeLz4> lz4;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd;
};

Decompressor::Decompressor(Compression compression) : compression_(compression), contexts_(std::make_unique<Contexts>()) {
  if (compression_ == Compression::lz4) {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) throw std::bad_alloc();
    contexts_->lz4.reset(context);
  }
  if (compression_ == Compression::zstd) {
    contexts_->zstd.reset(ZSTD_createDCtx());
    if (!contexts_->zstd) throw std::bad_alloc();
    constexpr int kMostWindowLog = 26;  // 64 MiB: what a packet may have
    ZSTD_DCtx_setParameter(contexts_->zstd.get(), ZSTD_d_windowLogMax, kMostWindowLog);
  }
}
Decompressor::~Decompressor() = default;

/// Unpacks into the room that is left in the buffer; false where nothing came of it.
bool Decompressor::unpack_some() {
  std::size_t read = packed_.size(), written = buffer_.size() - used_;
  if (compression_ == Compression::lz4) {
    const std::size_t wants =
        LZ4F_decompress(contexts_->lz4.get(), buffer_.data() + used_, &written, packed_.data(), &read, nullptr);
    if (LZ4F_isError(wants) != 0) throw DataError(cat("its LZ4 data are damaged: ", LZ4F_getErrorName(wants)));
    complete_ = wants == 0;
  } else if (compression_ == Compression::zstd) {
    ZSTD_outBuffer to{buffer_.data() + used_, written, 0};
    ZSTD_inBuffer from{packed_.data(), packed_.size(), 0};
    const std::size_t wants = ZSTD_decompressStream(contexts_->zstd.get(), &to, &from);
    if (ZSTD_isError(wants) != 0) throw DataError(cat("its zstd data are damaged: ", ZSTD_getErrorName(wants)));
    complete_ = wants == 0;
    read = from.pos;
    written = to.pos;
  } else {
    read = written = std::min(read, written);
    std::copy_n(packed_.begin(), read, buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    complete_ = read == packed_.size();
  }
  packed_ = packed_.subspan(read);
  used_ += written;
  return read > 0 || written > 0;
}

std::span<const std::byte> Decompressor::begin(std::span<const std::byte> packed, std::size_t least) {
  if (contexts_->lz4) LZ4F_resetDecompressionContext(contexts_->lz4.get());
  if (contexts_->zstd) ZSTD_DCtx_reset(contexts_->zstd.get(), ZSTD_reset_session_only);
  packed_ = packed;
  complete_ = false;
  used_ = 0;
  // Room for most packets, so that one call does it; with that of a block (64 KiB) and more LZ4 needs no buffer of its own.
  constexpr std::size_t kLeastRoom = 4096, kMoreRoom = std::size_t{1} << 17;
  const std::size_t room = std::max({kLeastRoom, least, std::min(16 * packed.size(), packed.size() + kMoreRoom)});
  if (buffer_.size() < room) buffer_.resize(room);
  while (!complete_ && used_ < least && unpack_some()) {
  }
  return unpacked();
}

std::span<const std::byte> Decompressor::rest(std::size_t most) {
  while (!complete_) {
    if (used_ == buffer_.size()) {
      if (used_ >= most)
        throw DataError(cat("it unpacks to more than ", most, " bytes, the most that is read of a packet of its size"));
      buffer_.resize(std::min(2 * buffer_.size(), most + 1));
    }
    if (!unpack_some()) throw DataError(cat("its compressed data end early, after ", used_, " bytes unpacked"));
  }
  if (!packed_.empty()) throw DataError(cat(packed_.size(), " bytes follow its compressed data"));
  if (used_ > most)
    throw DataError(cat("it unpacks to more than ", most, " bytes, the most that is read of a packet of its size"));
  return unpacked();
}

}  // namespace dltonic::events
