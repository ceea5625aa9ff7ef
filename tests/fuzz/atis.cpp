#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  const Decoded out = fuzz_decoder(Format::atis, bytes_of(data, size), {});
  must(out.fault.empty() == (size % 5 == 0), "only a cut file is a fault");
  if (out.fault.empty()) must(out.report.events + out.report.overflow_rows == size / 5, "every row is an event or a marker");
  return 0;
}
