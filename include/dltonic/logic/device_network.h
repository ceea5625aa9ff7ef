/// A Network's twin on a GPU: the same wiring, logits and arithmetic in kernels that move each row of activations once
/// where the wiring is a walk (src/logic/gpu). Everything is enqueued on a stream: nothing waits, nothing allocates after
/// the first use of a method, so steps can be captured in a graph. Results repeat bit for bit; they differ from the CPU's by
/// rounding.
///
/// The host's Network keeps wiring and logits in canonical order, as checkpoints hold them: upload() takes them from there,
/// download() brings them back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "dltonic/device/step.h"
#include "dltonic/logic/network.h"
#include "dltonic/logic/optimizer.h"

namespace dltonic::logic {

/// How soft activations and gradients lie in GPU memory. Sums, logits and moments are float32 always. Hard estimators keep
/// activations as bits; precision is then that of gradients.
enum class Precision : std::uint8_t { float32, bfloat16 };
Precision precision_from(const std::string& word);  ///< ConfigError for another word

/// How work is cut up on a GPU. Results differ by rounding only.
struct DeviceTuning {
  int tile_samples = 2048;  ///< of training: as many as a pass takes at once
  int lanes = 0;  ///< 32, 16, 8 or 4: columns of a kernel of training are at most 8 × lanes samples wide; 0: 32 along walks,
                  ///< else 16, whose slices of x and dy stay in L2 between their reads
  int hard_tile_samples = 2048;  ///< of hard_logits
  int hard_streams = 3;          ///< of hard_logits: one's memory traffic hides the other's latencies
};

class DeviceNetwork {
 public:
  /// Packed bits [feature][row_words of 64 samples] and labels [sample] in device memory. Rows are padded to a multiple of
  /// 256 samples (row_words a multiple of 4), zero past the samples; labels need no padding.
  struct Batch {
    const std::uint64_t* bits = nullptr;
    std::size_t row_words = 0;
    const std::uint16_t* labels = nullptr;
    int samples = 0;
    const std::uint16_t* second_labels = nullptr;  ///< [sample]; null: there are none
    const float* label_share = nullptr;            ///< [sample], of the first label (LabelMix)
  };

  /// `host` must outlive this; its loss() is taken over now. most_samples: of a batch. ConfigError, DeviceError. Waits for the
  /// upload.
  DeviceNetwork(Network<float>& host, const NetworkOptions& options, const OptimizerOptions& optimizer, Precision precision,
                int most_samples, device::StreamHandle stream, const DeviceTuning& tuning = {});
  ~DeviceNetwork();
  DeviceNetwork(DeviceNetwork&&) noexcept;

  /// Called while a pass is being enqueued, where set.
  struct Hooks {
    std::function<void()> forward_done;  ///< behind the (last tile's) forward and its loss
    /// Behind the kernels that complete the sums of layers first … end - 1, from the last layers to the first; when those of
    /// layer 0 are, `sums` is complete, too.
    std::function<void(int first, int end)> layers_done;
  };
  /// Four sums of loss_sum * inverse_batch over `batch`; loss and right predictions are added to sums. `add`: to the four
  /// sums of earlier micro-batches of the step, which must have been as large.
  void forward_backward(const Batch& batch, double inverse_batch, bool add, device::StepSums* sums, device::StreamHandle stream,
                        const Hooks& hooks = {});

  /// Where collect() is to bring sums: device memory for four floats a gate of the network, which outlives this.
  void collect_into(std::span<float> memory);
  /// Brings the four sums of layers first … end - 1, of the whole batch, there, for a reduction over ranks: [gates][4] in
  /// device order, the same on every rank with this wiring, layer after layer.
  std::span<float> collect(int first, int end, device::StreamHandle stream);
  std::span<float> collected() const;  ///< all of it

  /// One optimiser step. collected: from the buffer of collect(), else straight from forward_backward's sums.
  void update(const device::StepClock* clock, device::StepSums* sums, bool collected, device::StreamHandle stream);

  /// Coefficients (and gumbel's draw) for the step that the clock names. Needed once, before the first step.
  void begin(const device::StepClock* clock, device::StreamHandle stream);

  /// Class scores before softmax, out [sample][class] in device memory. As Network's; allocate on first use.
  void logits(const Batch& batch, float* out, device::StreamHandle stream);
  void hard_logits(const Batch& batch, float* out, device::StreamHandle stream);
  std::size_t reading_bytes() const;  ///< about what both will allocate

  /// From and to the host's Network; they wait. upload: wiring, logits, moments; graphs captured before are void.
  /// download: logits, moments, and `steps` as the number of updates made; into `state`, where another Network of the same
  /// shape is to take them.
  void upload(device::StreamHandle stream);
  void download(std::int64_t steps, device::StreamHandle stream, std::span<const TensorView> state = {});

  /// "3 of 4 layers walked, the first two fused, bfloat16, tiles of 2048 samples": how it runs.
  std::string describe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::logic
