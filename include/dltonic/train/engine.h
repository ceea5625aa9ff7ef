/// What makes a run's steps and scores: the host's cores, or a GPU a rank. Both read the same samples in the same order with
/// the same augmentation, and add up over ranks; the trainer knows no difference but the lag.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/data/augment.h"
#include "dltonic/data/event_frames.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/data/order.h"
#include "dltonic/device/step.h"
#include "dltonic/model/model.h"
#include "dltonic/train/options.h"

namespace dltonic::train {

/// One step to make.
struct StepKeys {
  std::int64_t step = 0;     ///< steps made before it
  std::int64_t updates = 0;  ///< and updates, where no step is on its way
  std::uint32_t epoch = 0;
  std::uint64_t batch = 0;  ///< of the epoch
  device::Wishes wishes;    ///< of this rank; told to all in the step's result
};

/// What a step gave, over all ranks: the same on every rank.
struct StepResult {
  double loss_sum = 0;  ///< sum over the global batch
  std::int64_t correct = 0;
  bool nonfinite = false;    ///< a gradient or the loss is not finite: the update was left out
  device::Wishes wishes;     ///< of any rank
  double gradient_norm = 0;  ///< before clipping, where train.clip_norm is set
};

/// Where the first value of a step lies that is not finite, in words; "": nowhere.
struct Anomaly {
  std::string of_rank;  ///< in what this rank computed
  std::string of_sum;   ///< in what was added up over ranks
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual model::Model& model() = 0;

  /// Steps that may be on their way before the first one's result is asked for; 0: a step is done when enqueue() returns.
  virtual int lag() const = 0;
  /// The samples of an epoch and the learning rate of each of its steps; before its first step, and where a run goes on in
  /// the middle of it.
  virtual void start_epoch(std::uint32_t epoch, const data::EpochOrder& order, std::span<const double> rates) = 0;
  /// Begins a step. Steps follow one another in number; after the state changed (from_host) any may come first. collective
  virtual void enqueue(const StepKeys& keys) = 0;
  /// Waits for a step's result; results are asked for in order, each once. collective
  virtual StepResult result(std::int64_t step) = 0;

  /// Looks for it, where train.detect_anomaly is set (lag() is 0 then), in the last step, which was left out: its parameters,
  /// and from the same samples each layer's forward and backward once more. Each rank for itself.
  virtual Anomaly find_anomaly(const StepKeys& keys) = 0;

  /// The model's state is the newest, on the host; `updates` have been made and all results asked for.
  virtual void to_host(std::int64_t updates) = 0;
  /// Whether steps change the model's state on the host; else it stays as to_host() left it.
  virtual bool steps_change_host() const { return true; }
  /// The model's state on the host has changed.
  virtual void from_host() = 0;

  /// Class scores of samples, as they are (no augmentation): out [sample][class]. At most scored_at_once() samples.
  virtual std::size_t scored_at_once() const = 0;
  virtual void score(std::span<const std::uint32_t> samples, model::Reading reading, std::span<float> out) = 0;

  /// Named numbers of the epoch that is over: memory in use, where a step's time goes (names as metrics have them).
  virtual std::vector<std::pair<std::string, double>> measurements() { return {}; }
  virtual std::string describe() const = 0;  ///< one line for the log
};

/// What an engine is made for. Evaluation alone needs no room for steps.
struct EnginePlan {
  Options train;
  DistributedOptions distributed;
  data::AugmentationOptions augmentation;
  const data::EventFrames* event_frames = nullptr;  ///< not null: training rows are cut from events; outlives the engine
  std::string residency = "auto";
  double timeout_s = 60;
  std::size_t training_samples = 0;  ///< of an epoch; 0: no steps will be made
};

/// The engine that `train.device` asks for. Everything must outlive it. ConfigError, DeviceError, agreed. collective
std::unique_ptr<Engine> make_engine(comm::World& world, model::Model& model, const data::FrameSet& frames,
                                    const EnginePlan& plan);

}  // namespace dltonic::train
