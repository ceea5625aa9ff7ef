#include "dltonic/events/idx.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/decoder_target.h"

namespace {

/// Whether `work` took the file rather than refusing it.
template <class Work>
bool takes(Work&& work) {
  try {
    work();
    return true;
  } catch (const dltonic::DataError&) {
    return false;
  }
}

}  // namespace

/// The readers want a file: the input lies in one in memory.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dltonic::events;
  static const int file = ::memfd_create("idx", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  must(file >= 0 && ::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size),
       "the file is written");
  const bool images = takes([] {
    const IdxImages read = read_idx_images(path);
    must(read.pixels.size() == read.count * static_cast<std::size_t>(read.height) * static_cast<std::size_t>(read.width),
         "an image has height x width pixels");
  });
  const bool labels = takes([] { read_idx_labels(path); });
  must(!images || !labels, "a file holds images or labels");
  return 0;
}
