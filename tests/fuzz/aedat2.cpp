#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const bool raw = size % 2 == 1;
  const Decoded out = fuzz_decoder(Format::aedat2, bytes_of(data, size),
                                   {.aedat2 = raw ? Aedat2Convention::raw : Aedat2Convention::spikingjelly});
  if (!out.fault.empty()) return 0;
  must((out.report.events + out.report.skipped) * 8 <= size, "every record has eight bytes");
  for (const std::uint16_t x : out.x) must(x < 128, "x lies on the sensor");
  for (const std::uint16_t y : out.y) must(y < 128, "y lies on the sensor");
  return 0;
}
