#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const Decoded out = fuzz_decoder(Format::npy, bytes_of(data, size), {.npy_time_us = size % 3 == 0 ? 0.37 : 1000.0});
  must(out.report.events * 4 <= size, "every row has four values");
  return 0;
}
