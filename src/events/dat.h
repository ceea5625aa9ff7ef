/// Prophesee DAT (N-CARS): lines that begin with '%', u8 type of event, u8 bytes an event (8), then little-endian records: u32
/// time in us, u32 with x in bits 0-13, y in 14-27, polarity in 28-31.
#pragma once

#include "events/block_decoder.h"
#include "events/clock32.h"

namespace dltonic::events {

class DatDecoder final : public BlockDecoder {
 public:
  explicit DatDecoder(const DecodeOptions& options) : vectors_(options.vectors) {}

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / kClockedRecordBytes; }
  bool begins_at_zero() const override { return true; }

 private:
  bool vectors_;
  bool in_lines_ = true, in_header_ = true;  ///< in its lines, before the end of its two numbers
  Clock32 clock_;
};

}  // namespace dltonic::events
