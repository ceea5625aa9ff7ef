#include "dltonic/train/options.h"

#include "dltonic/core/text.h"
#include "dltonic/data/order.h"

namespace dltonic::train {

void Options::bind(config::Section& s) {
  s.key("device", device, "where models compute: auto takes a GPU a rank where every rank sees one, else CPU cores")
      .choices({"auto", "cpu", "gpu"});
  s.key("precision", precision,
        "activations and gradients in GPU memory; sums, weights and moments are float32 always, and a CPU computes in float32. "
        "float16 is not offered: its range needs loss scaling, and bfloat16 has float32's")
      .choices({"float32", "bfloat16"});
  s.key("flag_lag", flag_lag,
        "steps after which the host reads what a GPU's step told (loss, stop and save wishes): the same number on all ranks")
      .unit("steps")
      .min(0)
      .max(32);
  s.key("epochs", epochs, "passes over the training samples").min(1);
  s.key("batch_size", batch_size, "global batch: samples a step over all ranks").min(1);
  s.key("micro_batch_size", micro_batch_size, "samples that a rank computes at once, gradients adding up; 0: its whole share")
      .min(0);
  s.key("seed", seed, "seed of initial weights, wiring, order and augmentation");
  s.key("label_smoothing", label_smoothing,
        "share of the target that is spread over all classes (Szegedy et al. 2016); training's loss alone")
      .min(0)
      .below(1);
  s.key("class_weights", class_weights,
        "balanced: a class's samples weigh inversely to their number among those that train; training's loss alone")
      .choices({"none", "balanced"});
  s.key("monitor", monitor, "validation metric that chooses the best checkpoint").choices(metric_names());
  s.key("init_from", init_from,
        "begin with the weights of this run (its folder or name, then :best, :latest, :step-<n> or :@<time>; best where "
        "nothing is "
        "said) or checkpoint folder: counters, moments and order start anew");
  s.key("init_layers", init_layers,
        "layers that train.init_from fills, as checkpoints name them (layer0); empty: all of the model");
  s.key("on_nonfinite", on_nonfinite,
        "a loss or gradient that is not finite: stop ends the run, skip leaves the update out and counts it")
      .choices({"stop", "skip"});
  s.key("detect_anomaly", detect_anomaly,
        "says in which layer such a step's first value that is not finite lies, forward or backward, and on which rank: the "
        "step is "
        "computed once more on CPU cores. On a GPU every step is then waited for (train.flag_lag does not count)");
  s.key("walltime", walltime,
        "time after which the job is ended from outside, as Slurm's --time (30, 1:30:00, 2-12:00:00): the run saves and stops "
        "before, with exit code 75; empty: as the scheduler says");
  s.key("walltime_margin_s", walltime_margin_s, "how long before that").unit("s").min(0);
  optimizer.bind(s);
  schedule.bind(s.section("schedule", "the learning rate over time"));
  early_stopping.bind(s.section("early_stopping", "ending a run that no longer improves"));
}

logic::LossOptions Options::loss(std::span<const std::uint64_t> samples_of_class) const {
  logic::LossOptions loss{.label_smoothing = label_smoothing, .class_weights = {}};
  if (class_weights != "balanced") return loss;
  std::uint64_t all = 0, classes = 0;
  for (const std::uint64_t n : samples_of_class) all += n, classes += n > 0 ? 1 : 0;
  // A class without samples is no label; 1 keeps smoothing's share of it.
  for (const std::uint64_t n : samples_of_class)
    loss.class_weights.push_back(n == 0 ? 1.0F
                                        : static_cast<float>(static_cast<double>(all) / static_cast<double>(classes * n)));
  return loss;
}

EarlyStoppingOptions Options::stopping() const {
  EarlyStoppingOptions options = early_stopping;
  if (options.monitor.empty()) options.monitor = monitor;
  return options;
}

Monitor monitor_of(const Options& options) { return {options.monitor, metric_kind(options.monitor).better == Better::lower}; }

void DistributedOptions::bind(config::Section& s) {
  s.key("reduction", reduction,
        "fast: gradients add up in MPI's order; canonical: in one fixed tree, equal bit for bit on any number of ranks")
      .choices({"fast", "canonical"});
  s.key("canonical_shards", canonical_shards,
        "canonical: equal parts of the batch, each computed by one rank; 0: the largest divisor of the batch up to 8")
      .min(0);
  s.key("share_gpu", share_gpu,
        "two ranks may have one GPU (slow: sums then go through host memory); otherwise that is an error");
  s.key("overlap", overlap, "GPUs add up the gradients of a layer while the layers before it still run backward");
}

int DistributedOptions::shards(int batch_size) const {
  if (reduction != "canonical") return 0;
  return canonical_shards > 0 ? canonical_shards : data::default_shards(static_cast<std::uint64_t>(batch_size));
}

}  // namespace dltonic::train
