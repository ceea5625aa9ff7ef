// A build without CUDA: there is no GPU to put a network on, and whoever tries is told.
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/logic/device_network.h"

namespace dltonic::logic {
namespace {
[[noreturn]] void none() { throw DeviceError("this build has no CUDA parts; configure with -DDLTONIC_CUDA=ON for a GPU"); }
}  // namespace

struct DeviceNetwork::Impl {};

DeviceNetwork::DeviceNetwork(Network<float>&, const NetworkOptions&, const OptimizerOptions&, Precision, int,
                             device::StreamHandle, const DeviceTuning&) {
  none();
}
DeviceNetwork::~DeviceNetwork() = default;
DeviceNetwork::DeviceNetwork(DeviceNetwork&&) noexcept = default;
void DeviceNetwork::forward_backward(const Batch&, double, bool, device::StepSums*, device::StreamHandle, const Hooks&) {
  none();
}
void DeviceNetwork::collect_into(std::span<float>) { none(); }
std::span<float> DeviceNetwork::collect(int, int, device::StreamHandle) { none(); }
std::span<float> DeviceNetwork::collected() const { none(); }
void DeviceNetwork::update(const device::StepClock*, device::StepSums*, bool, device::StreamHandle) { none(); }
void DeviceNetwork::begin(const device::StepClock*, device::StreamHandle) { none(); }
void DeviceNetwork::logits(const Batch&, float*, device::StreamHandle) { none(); }
void DeviceNetwork::hard_logits(const Batch&, float*, device::StreamHandle) { none(); }
void DeviceNetwork::upload(device::StreamHandle) { none(); }
void DeviceNetwork::download(std::int64_t, device::StreamHandle, std::span<const TensorView>) { none(); }
std::size_t DeviceNetwork::reading_bytes() const { none(); }
std::string DeviceNetwork::describe() const { none(); }

}  // namespace dltonic::logic
