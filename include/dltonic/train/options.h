#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/logic/loss.h"
#include "dltonic/logic/optimizer.h"
#include "dltonic/train/checkpoint_options.h"
#include "dltonic/train/schedule.h"
#include "dltonic/train/stopping.h"

namespace dltonic::train {

struct Options {
  std::string device = "auto";        ///< auto, cpu, gpu
  std::string precision = "float32";  ///< of activations and gradients on a GPU: float32, bfloat16
  int flag_lag = 4;                   ///< steps between a GPU's step and the host's reading of its result
  int epochs = 10;
  int batch_size = 100;                   ///< global: over all ranks
  int micro_batch_size = 0;               ///< what a rank computes at once; 0: its whole share
  std::uint64_t seed = 0;                 ///< initial weights, wiring, order, augmentation
  double label_smoothing = 0;             ///< of the loss: logic/loss.h
  std::string class_weights = "none";     ///< of the loss: none, balanced
  std::string monitor = "accuracy_hard";  ///< validation metric that chooses the best checkpoint
  std::string init_from;                  ///< a run or checkpoint whose weights training begins with
  std::vector<std::string> init_layers;   ///< of those; none: all
  std::string on_nonfinite = "stop";      ///< stop, skip
  bool detect_anomaly = false;            ///< such a step is computed again, layer by layer
  std::string walltime;                   ///< "": what Slurm says
  double walltime_margin_s = 120;
  ScheduleOptions schedule;
  EarlyStoppingOptions early_stopping;
  logic::OptimizerOptions optimizer;
  void bind(config::Section& s);
  /// What training minimises, where this many samples of each class train. balanced: class c of n_c samples weighs
  /// N / (classes * n_c), as scikit-learn's, so that the weights' mean over all N samples is 1.
  logic::LossOptions loss(std::span<const std::uint64_t> samples_of_class) const;
  /// early_stopping, with its monitored metric filled in.
  EarlyStoppingOptions stopping() const;
};

/// The metric that `train.monitor` names.
Monitor monitor_of(const Options& options);

struct DistributedOptions {
  std::string reduction = "fast";
  int canonical_shards = 0;  ///< 0: the largest divisor of the batch up to 8
  bool share_gpu = false;    ///< two ranks may compute on one GPU
  bool overlap = true;       ///< GPUs add up a layer's gradients while the layers before it are still in the backward
  void bind(config::Section& s);
  /// Shards of the batch for this batch size; 0 where the reduction is fast.
  int shards(int batch_size) const;
};

}  // namespace dltonic::train
