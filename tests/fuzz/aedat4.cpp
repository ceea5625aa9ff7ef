#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const Decoded out = fuzz_decoder(Format::aedat4, bytes_of(data, size), {});
  must(out.report.events * 16 <= 512 * size + (std::size_t{1} << 16) * size, "events expand to a bound");
  return 0;
}
