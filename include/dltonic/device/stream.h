/// Streams, events and graphs: owners of CUDA's handles, which other modules' kernels take as they are. No CUDA header here.
/// Every call throws DeviceError with CUDA's own message where it fails, also with the failure of an earlier kernel.
#pragma once

#include <functional>

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace dltonic::device {

using StreamHandle = CUstream_st*;  ///< cudaStream_t

/// A point in a stream's work.
class Event {
 public:
  explicit Event(bool timed = false);
  ~Event();
  Event(Event&& other) noexcept : handle_(other.handle_), timed_(other.timed_) { other.handle_ = nullptr; }
  Event& operator=(Event&&) = delete;

  void record(StreamHandle stream);
  bool done() const;  ///< everything in front of the record has happened; true where nothing was recorded
  void synchronize() const;
  /// Between two timed events that have happened.
  double milliseconds_since(const Event& earlier) const;
  CUevent_st* handle() const { return handle_; }

 private:
  CUevent_st* handle_ = nullptr;
  bool timed_ = false;
};

/// Nothing is left to do in the stream. Throws where something that was done failed.
bool idle(StreamHandle stream);
/// What `stream` does from now on waits for the event.
void wait(StreamHandle stream, const Event& event);

class Stream {
 public:
  Stream();
  ~Stream();
  Stream(Stream&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Stream& operator=(Stream&&) = delete;

  void wait(const Event& event) { device::wait(handle_, event); }
  void synchronize() const;
  operator StreamHandle() const { return handle_; }

 private:
  StreamHandle handle_ = nullptr;
};

/// Work that is enqueued once, recorded, and launched as a whole many times: what differs between launches lies in device
/// memory. `enqueue` must not allocate, synchronise or copy from pageable memory; it may use other streams that wait for
/// `stream` and that `stream` waits for in the end.
class Graph {
 public:
  Graph() = default;
  Graph(StreamHandle stream, const std::function<void()>& enqueue);
  ~Graph();
  Graph(Graph&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Graph& operator=(Graph&& other) noexcept;

  void launch(StreamHandle stream) const;
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  CUgraphExec_st* handle_ = nullptr;
};

/// A named range on the timeline of a profiler (NVTX); costs nothing where none looks.
class Range {
 public:
  explicit Range(const char* name);
  ~Range();
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace dltonic::device
