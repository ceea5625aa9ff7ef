/// AEDAT 2.0 of a DVS128 (jAER): lines that begin with '#', then 8-byte big-endian records: u32 address, u32 time in us.
/// Address: bit 0 polarity, bits 1-7 column, bits 8-14 row; any higher bit set: no polarity event.
#pragma once

#include "events/block_decoder.h"
#include "events/clock32.h"

namespace dltonic::events {

class Aedat2Decoder final : public BlockDecoder {
 public:
  explicit Aedat2Decoder(const DecodeOptions& options);

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / kClockedRecordBytes; }
  bool begins_at_zero() const override { return false; }

 private:
  bool upright_, vectors_;
  bool in_header_ = true;
  Clock32 clock_;
};

}  // namespace dltonic::events
