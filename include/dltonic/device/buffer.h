/// Memory of a GPU, and memory of the host that a GPU reads and writes by itself (pinned). Sizes count elements.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "dltonic/device/stream.h"

namespace dltonic::device {

enum class Place { gpu, pinned };
/// DeviceError that says how much was wanted and how much is free. Memory is aligned to 256 bytes and not initialised.
void* allocate(std::size_t bytes, Place place);
void release(void* memory, std::size_t bytes, Place place) noexcept;
/// Enqueued; host memory that is not pinned is read before the call returns.
void copy(void* to, const void* from, std::size_t bytes, StreamHandle stream);
void fill_zero(void* memory, std::size_t bytes, StreamHandle stream);
void synchronize(StreamHandle stream);

template <class T, Place kPlace>
class BasicBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  BasicBuffer() = default;
  explicit BasicBuffer(std::size_t size)
      : data_(size > 0 ? static_cast<T*>(allocate(size * sizeof(T), kPlace)) : nullptr), size_(size) {}
  ~BasicBuffer() { release(data_, size_ * sizeof(T), kPlace); }
  BasicBuffer(BasicBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  BasicBuffer& operator=(BasicBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }
  /// At least this large, its content lost where it had to grow.
  void reserve(std::size_t size) {
    if (size > size_) {
      *this = BasicBuffer();  // the old one goes first
      *this = BasicBuffer(size);
    }
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

template <class T>
using Buffer = BasicBuffer<T, Place::gpu>;

/// Reads and writes through data() by the host, and by the GPU in stream order.
template <class T>
using PinnedBuffer = BasicBuffer<T, Place::pinned>;

/// A buffer that holds `values`; waits until they are there.
template <class T>
Buffer<T> uploaded(std::span<const T> values, StreamHandle stream) {
  Buffer<T> buffer(values.size());
  copy(buffer.data(), values.data(), buffer.bytes(), stream);
  synchronize(stream);
  return buffer;
}
template <class T>
Buffer<T> uploaded(const std::vector<T>& values, StreamHandle stream) {
  return uploaded(std::span<const T>(values), stream);
}

/// What stands in device memory once the stream has come here.
template <class T>
std::vector<T> downloaded(const T* data, std::size_t size, StreamHandle stream) {
  std::vector<T> values(size);
  copy(values.data(), data, size * sizeof(T), stream);
  synchronize(stream);
  return values;
}

}  // namespace dltonic::device
