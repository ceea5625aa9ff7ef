#include "dltonic/events/image_file.h"

#include "fuzz/decoder_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  try {
    const GreyImage image = decode_image(std::as_bytes(std::span(data, size)));
    must(image.pixels.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height),
         "an image has height x width pixels");
    if (image.width > 256 || image.height > 256) return 0;
    for (const int side : {1, 7, 40}) {
      must(scaled(image, side, 9).pixels.size() == static_cast<std::size_t>(side) * 9, "a scaled image has the size asked for");
    }
  } catch (const dltonic::DataError&) {
  }
  return 0;
}
