/// Decoder of ATIS rows; the format stands in atis.h.
#pragma once

#include "events/atis_rows.h"
#include "events/block_decoder.h"

namespace dltonic::events {

class AtisDecoder final : public BlockDecoder {
 public:
  explicit AtisDecoder(const DecodeOptions& options) : vectors_(options.vectors) {}

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / kAtisRowBytes; }
  bool begins_at_zero() const override { return true; }

 private:
  std::size_t decode_rows(const std::byte* bytes, std::size_t rows, std::uint64_t first_row, const EventSink& out,
                          std::size_t count);

  bool vectors_;
  std::uint32_t offset_us_ = 0;  ///< of the overflow markers so far
};

}  // namespace dltonic::events
