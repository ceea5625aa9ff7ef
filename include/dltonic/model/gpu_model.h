/// A model's passes on a GPU. Everything is enqueued on a stream and nothing waits, but for from_host() and to_host(), so that
/// steps can be recorded in a graph: with the same arguments, they enqueue the same kernels each time.
/// The host's Model keeps the state that checkpoints hold; between steps the GPU's is the newer one.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "dltonic/data/batch.h"
#include "dltonic/device/device.h"
#include "dltonic/device/step.h"
#include "dltonic/model/model.h"

namespace dltonic::model {

class GpuModel {
 public:
  virtual ~GpuModel() = default;
  /// Gradients of (loss sum × inverse_batch) over `batch`; `add`: onto those of the step's earlier micro-batches. Loss and
  /// right predictions are added to `sums`, whose `nonfinite` is set where a gradient is not finite.
  /// Hooks are called while the pass is being enqueued, where set. bucket_done: gradients of the whole step are brought
  /// into gradients(), and it is called for each piece of that buffer as soon as the kernels that complete it are enqueued,
  /// for a reduction beside the rest of the backward. The last piece is the front of gradients(): when it is called for that
  /// one, `sums` is complete, too.
  struct Hooks {
    std::function<void()> forward_done;
    std::function<void(std::span<float>)> bucket_done;
  };
  virtual void forward_backward(const data::DeviceBatch& batch, double inverse_batch, bool add, device::StepSums* sums,
                                device::StreamHandle stream, const Hooks& hooks) = 0;
  /// GpuPlan::gradients, or the model's own device memory: Model::gradient_size() floats, in an order of this GPU model's
  /// own, the same on every rank.
  virtual std::span<float> gradients() const = 0;

  /// One optimiser step, with the clock's step number and rate; nothing where sums->nonfinite. reduced: from gradients(),
  /// else from what forward_backward left.
  virtual void update(const device::StepClock* clock, device::StepSums* sums, bool reduced, device::StreamHandle stream) = 0;
  /// Before the first step from a state that came from the host.
  virtual void begin(const device::StepClock* clock, device::StreamHandle stream) = 0;

  /// Class scores before softmax, out [sample][class] in device memory.
  virtual void logits(const data::DeviceBatch& batch, Reading reading, float* out, device::StreamHandle stream) = 0;
  virtual std::size_t reading_bytes() const = 0;  ///< GPU memory that the first logits() will take, about
  /// What a library holds for this model beside our buffers.
  virtual device::MemoryUse library_memory() const { return {}; }

  /// State of the host's Model to the GPU (graphs recorded before are void), and back; `steps`: updates made so far. `state`:
  /// of another Model of this kind that takes it instead (Model::another).
  virtual void from_host(device::StreamHandle stream) = 0;
  virtual void to_host(std::int64_t steps, device::StreamHandle stream, std::span<const TensorView> state = {}) = 0;

  virtual std::string describe() const = 0;  ///< one line: how it runs
};

}  // namespace dltonic::model
