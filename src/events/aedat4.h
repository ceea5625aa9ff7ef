/// AEDAT 4.0 (iniVation dv): the line #!AER-DAT4.0, a FlatBuffer with its size in front that says how packets are compressed,
/// then packets: i32 stream, i32 bytes, a compressed FlatBuffer with its size in front. Those with the identifier EVTS hold
/// events of 16 bytes; the schema is aedat4.fbs. At the end there may be a table of packets, which is not needed.
#pragma once

#include <memory>
#include <optional>

#include "events/block_decoder.h"
#include "events/decompressor.h"

namespace dltonic::events {

class Aedat4Decoder final : public BlockDecoder {
 public:
  explicit Aedat4Decoder(const DecodeOptions& options) : vectors_(options.vectors) {}

  Step step(std::span<const std::byte> bytes, std::uint64_t at, const EventSink& out) override;
  void finish(std::uint64_t end, std::size_t rest) override;
  std::size_t first_guess(std::size_t bytes) const override { return bytes / 8; }
  bool begins_at_zero() const override { return false; }

 private:
  std::size_t read_header(std::span<const std::byte> bytes);
  void open_packet(std::span<const std::byte> bytes, std::uint64_t at);
  std::size_t decode_events(std::size_t count, const EventSink& out, std::int64_t epoch);

  bool vectors_;
  std::optional<Decompressor> decompressor_;  ///< there once the header is read
  std::uint64_t packets_end_ = 0;             ///< where the table of packets begins; 2^64 - 1: there is none
  std::optional<std::int32_t> stream_;        ///< the camera whose events are taken: that of the first packet with events

  std::size_t wanted_ = 0;  ///< bytes of the packet that was last looked for

  // The packet that is being read.
  std::size_t packet_bytes_ = 0;  ///< with its header; 0: none is
  const std::byte* events_ = nullptr;
  std::size_t events_left_ = 0;
  std::uint64_t event_ = 0;  ///< of the recording, for messages
};

}  // namespace dltonic::events
