/// AEDAT 3.x (cAER, DVS128 Gesture): lines of text up to #!END-HEADER, then packets, little-endian: a header of 28 bytes (i16
/// type, i16 source, i32 bytes an event, i32 offset of the time, i32 overflow, i32 capacity, i32 number, i32 valid) and
/// capacity events, of which `number` are there. Type 1: polarity events of u32 data (bit 0 valid, 1 polarity, 2-16 y, 17-31
/// x), u32 t; the time is t | overflow << 31. Packets of other types are passed over.
#pragma once

#include "events/block_decoder.h"

namespace dltonic::events {

class Aedat3Decoder final : public BlockDecoder {
 public:
  explicit Aedat3Decoder(const DecodeOptions& options) : vectors_(options.vectors) {}

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / kEventBytes; }
  bool begins_at_zero() const override { return false; }

 private:
  static constexpr std::size_t kEventBytes = 8, kPacketHeaderBytes = 28;

  void read_packet_header(const std::byte* bytes, std::uint64_t at);
  std::size_t decode_events(const std::byte* bytes, std::size_t count, const EventSink& out);

  bool vectors_;
  bool in_text_ = true;
  std::int32_t source_ = -1;  ///< the camera whose events are taken: that of the first polarity packet
  // The packet that is being read.
  std::uint64_t packet_at_ = 0, packet_bytes_ = 0;
  std::uint64_t events_left_ = 0, skip_left_ = 0;
  std::int64_t epoch_ = 0;         ///< upper 32 bits of its times
  std::uint32_t highest_bit_ = 0;  ///< of the lower 32
};

}  // namespace dltonic::events
