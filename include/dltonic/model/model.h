/// What training needs of a model, whatever it is made of: gate networks run on `logic`'s kernels, the rest on LibTorch.
/// A model knows nothing of ranks: it adds gradients of its samples into a flat buffer, the caller reduces that buffer
/// over ranks, and every rank makes the same update from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/core/tensor_view.h"
#include "dltonic/data/batch.h"
#include "dltonic/logic/device_network.h"
#include "dltonic/logic/loss.h"
#include "dltonic/logic/network.h"
#include "dltonic/logic/optimizer.h"

namespace dltonic::model {

struct Options {
  std::string kind = "difflogic";        ///< a name of model_kinds()
  logic::NetworkOptions network;         ///< difflogic
  std::vector<int> hidden = {512};       ///< mlp: widths of the hidden layers
  std::vector<int> channels = {32, 64};  ///< cnn: output channels of its two convolutions
  int cnn_hidden = 128;                  ///< cnn: width of the layer before the classes
  void bind(config::Section& s);
};

/// How a network is read: with its soft mixtures, or as the Boolean circuit of its most likely gates.
/// For models without gates both are the same.
enum class Reading { soft, hard };

struct StepContext {
  double inverse_batch = 1;  ///< 1 / global batch: the loss is divided once, here
  std::uint64_t seed = 0;    ///< keys of random draws inside the model
  std::int64_t step = 0;
};

struct StepResult {
  double loss_sum = 0;       ///< sum over samples of the loss that is minimised (logic/loss.h), not divided
  std::int64_t correct = 0;  ///< samples whose largest (soft) logit is the label's
};

/// How a model is put on a GPU.
struct GpuPlan {
  logic::Precision precision = logic::Precision::float32;
  int most_samples = 1;             ///< of a micro-batch
  int last_samples = 0;             ///< of a step's last micro-batch, where it is smaller; 0: it is not
  std::span<float> gradients = {};  ///< device memory of gradient_size() floats, for GpuModel::gradients(); none: its own
};

class GpuModel;  // gpu_model.h

class Model {
 public:
  virtual ~Model() = default;

  /// ADDS the gradient of (loss sum × inverse_batch) over `batch` into `gradients` (gradient_size() floats).
  /// Gate networks: four sums a gate, [gates][4] layer after layer. Others: every parameter's gradient, flattened.
  virtual StepResult forward_backward(const data::Batch& batch, const StepContext& context, std::span<float> gradients) = 0;
  virtual std::size_t gradient_size() const = 0;

  /// The same pass with a look at every number between the layers: says where the first one is that is not finite, in the order
  /// parameters, forward, loss, backward ("backward of layer1: gate 5, gradient of cab is inf"); "" where all are finite. Slow:
  /// for a step that has gone wrong.
  virtual std::string find_anomaly(const data::Batch& batch, const StepContext& context, std::span<float> gradients) = 0;
  /// Says where the first value of given gradients, or of what update() makes of them, is not finite; "": nowhere.
  virtual std::string find_anomaly(std::span<const float> gradients) const = 0;
  /// A model of the same kind and wiring, in its initial state.
  virtual std::unique_ptr<Model> another() const = 0;

  /// One optimiser step from the reduced gradients, clipped as the optimiser's options say. Returns the gradient's norm
  /// where clip_norm is set, else 0; where that norm is not finite, nothing has changed.
  virtual double update(std::span<const float> gradients, double learning_rate) = 0;

  /// Class scores before softmax, [sample][class].
  virtual void logits(const data::Batch& batch, Reading reading, std::span<float> out) = 0;
  virtual bool has_gates() const { return false; }

  /// Everything that the next step depends on: parameters, moments, wiring, step counters. Loading writes into these
  /// views and then calls state_loaded().
  virtual std::vector<TensorView> state() = 0;
  virtual void state_loaded() {}

  /// Its twin on the GPU in use, which this must outlive. ConfigError where a library that it needs for that is missing,
  /// DeviceError.
  virtual std::unique_ptr<GpuModel> on_gpu(const GpuPlan& plan, device::StreamHandle stream) = 0;

  virtual std::string summary() const = 0;  ///< a few lines: layers, sizes, parameters, memory
};

std::vector<std::string> model_kinds();

/// Throws ConfigError where models of that kind cannot read frames of that depth (data::FrameShape).
void expect_readable(const Options& options, int depth);

/// The same (options, shape, classes, seed) gives the same initial state on every rank. Throws ConfigError.
std::unique_ptr<Model> make_model(const Options& options, const data::FrameShape& shape, int classes, std::uint64_t seed,
                                  const logic::OptimizerOptions& optimizer, const logic::LossOptions& loss = {});

}  // namespace dltonic::model
