/// Items of host memory on their way to a GPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "dltonic/data/frame_set.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/stream.h"

namespace dltonic::data {

/// Two pinned buffers: the host fills one while the GPU reads the other.
class Upload {
 public:
  explicit Upload(std::size_t bytes) : slots_{Slot(bytes), Slot(bytes)} {}

  /// Items that are made, by all threads, or only copied: kAlone bytes by this one, since to wake others takes longer than
  /// that.
  enum class Work { copied, made };
  static constexpr std::size_t kAlone = 256u << 10;

  /// Item i, written by write(i, memory), lands at to + i × item_bytes, in the order of `stream`. Waits only where both
  /// buffers are still to be read. write may be called by many threads. item_bytes must fit into a buffer.
  template <class Write>
  void operator()(void* to, std::size_t items, std::size_t item_bytes, Write write, device::StreamHandle stream,
                  Work work = Work::copied) {
    for (std::size_t first = 0; first < items;) {
      Slot& slot = slots_[next_];
      next_ = 1 - next_;
      const std::size_t count = std::min(items - first, slot.memory.size() / item_bytes);
      slot.read.synchronize();
#pragma omp parallel for schedule(static) if (work == Work::made || count * item_bytes > kAlone)
      for (std::size_t i = 0; i < count; ++i) write(first + i, slot.memory.data() + i * item_bytes);
      device::copy(static_cast<std::byte*>(to) + first * item_bytes, slot.memory.data(), count * item_bytes, stream);
      slot.read.record(stream);
      first += count;
    }
  }

 private:
  struct Slot {
    explicit Slot(std::size_t bytes) : memory(bytes) {}
    device::PinnedBuffer<std::byte> memory;
    device::Event read;  ///< the GPU has read it
  };
  Slot slots_[2];
  int next_ = 0;
};

/// Rows of frames, to `to`: [sample][row words].
inline void upload_rows(const FrameSet& frames, std::span<const std::uint32_t> samples, std::uint64_t* to, Upload& upload,
                        device::StreamHandle stream) {
  const std::size_t row_bytes = frames.bits.row_words() * sizeof(std::uint64_t);
  const auto copy_row = [&](std::size_t i, std::byte* memory) {
    std::memcpy(memory, frames.bits.row(samples[i]).data(), row_bytes);
  };
  upload(to, samples.size(), row_bytes, copy_row, stream);
}

}  // namespace dltonic::data
