#include <cuda_runtime_api.h>
#include <nvtx3/nvToolsExt.h>

#include <utility>

#include "device/check.h"
#include "dltonic/device/stream.h"

namespace dltonic::device {

Event::Event(bool timed) : timed_(timed) {
  check(cudaEventCreateWithFlags(&handle_, timed ? cudaEventDefault : cudaEventDisableTiming), "cudaEventCreate");
}
Event::~Event() {
  if (handle_ != nullptr) cudaEventDestroy(handle_);
}
void Event::record(StreamHandle stream) {
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  if (timed_) check(cudaStreamIsCapturing(stream, &capture), "cudaStreamIsCapturing");
  // A timed event of a graph happens anew in each launch; any other orders the graph's own work.
  const unsigned flags = capture == cudaStreamCaptureStatusActive ? cudaEventRecordExternal : cudaEventRecordDefault;
  check(cudaEventRecordWithFlags(handle_, stream, flags), "cudaEventRecord");
}
bool Event::done() const {
  const cudaError_t code = cudaEventQuery(handle_);
  if (code == cudaErrorNotReady) return false;
  check(code, "an earlier kernel");
  return true;
}
void Event::synchronize() const { check(cudaEventSynchronize(handle_), "waiting for an event"); }
double Event::milliseconds_since(const Event& earlier) const {
  float ms = 0;
  check(cudaEventElapsedTime(&ms, earlier.handle_, handle_), "cudaEventElapsedTime");
  return ms;
}

bool idle(StreamHandle stream) {
  const cudaError_t code = cudaStreamQuery(stream);
  if (code == cudaErrorNotReady) return false;
  check(code, "an earlier kernel");
  return true;
}
void wait(StreamHandle stream, const Event& event) {
  check(cudaStreamWaitEvent(stream, event.handle(), 0), "cudaStreamWaitEvent");
}

Stream::Stream() { check(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "cudaStreamCreate"); }
Stream::~Stream() {
  if (handle_ != nullptr) cudaStreamDestroy(handle_);
}
void Stream::synchronize() const { check(cudaStreamSynchronize(handle_), "waiting for the GPU"); }

Graph::Graph(StreamHandle stream, const std::function<void()>& enqueue) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    enqueue();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);  // the stream is usable again
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  const cudaError_t code = cudaGraphInstantiate(&handle_, graph, 0);
  cudaGraphDestroy(graph);
  check(code, "cudaGraphInstantiate");
}
Graph::~Graph() {
  if (handle_ != nullptr) cudaGraphExecDestroy(handle_);
}
Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}
void Graph::launch(StreamHandle stream) const { check(cudaGraphLaunch(handle_, stream), "cudaGraphLaunch"); }

Range::Range(const char* name) { nvtxRangePushA(name); }
Range::~Range() { nvtxRangePop(); }

}  // namespace dltonic::device
