#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const Decoded out = fuzz_decoder(Format::dat, bytes_of(data, size), {});
  must(out.report.events * 8 <= size && out.report.invalid <= out.report.events, "every event has eight bytes");
  return 0;
}
