// The device module of a build without CUDA: no GPU is there, and whoever asks for one all the same is told.
#include "dltonic/core/error.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/device.h"
#include "dltonic/device/step.h"

namespace dltonic::device {
namespace {
[[noreturn]] void none() { throw DeviceError("this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU"); }
}  // namespace

int count() { return 0; }
std::string why_none() { return "this build has no CUDA parts"; }
Info info(int) { none(); }
std::string versions() { return {}; }
int in_use() { none(); }
void use(int) { none(); }
std::optional<GpuUse> gpu_use() { return std::nullopt; }
MemoryUse memory_use() { return {}; }
void reset_peak() {}
std::size_t free_bytes() { return 0; }

void* allocate(std::size_t, Place) { none(); }
void release(void*, std::size_t, Place) noexcept {}
void copy(void*, const void*, std::size_t, StreamHandle) { none(); }
void fill_zero(void*, std::size_t, StreamHandle) { none(); }
void synchronize(StreamHandle) { none(); }

Event::Event(bool) { none(); }
Event::~Event() = default;
void Event::record(StreamHandle) { none(); }
bool Event::done() const { none(); }
void Event::synchronize() const { none(); }
double Event::milliseconds_since(const Event&) const { none(); }

bool idle(StreamHandle) { none(); }
void wait(StreamHandle, const Event&) { none(); }

Stream::Stream() { none(); }
Stream::~Stream() = default;
void Stream::synchronize() const { none(); }

Graph::Graph(StreamHandle, const std::function<void()>&) { none(); }
Graph::~Graph() = default;
Graph& Graph::operator=(Graph&&) noexcept { return *this; }
void Graph::launch(StreamHandle) const { none(); }

Steps::Steps() { none(); }
void Steps::set(const StepClock&, StreamHandle, std::span<const float>) { none(); }
void Steps::pack(float*, StreamHandle) const { none(); }
void Steps::unpack(const float*, StreamHandle) { none(); }
void Steps::end(StreamHandle) { none(); }
void Steps::wish(const Wishes&, StreamHandle) { none(); }
std::optional<StepSums> Steps::report(std::int64_t) const { none(); }

Range::Range(const char*) {}
Range::~Range() = default;

}  // namespace dltonic::device
