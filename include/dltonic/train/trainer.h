/// The training loop: the same on one rank and on many, for every model.
///
/// The engine makes the steps (engine.h); their results are read a fixed number of steps later, so that every rank decides
/// the same at the same step. An epoch ends with its metrics, an evaluation on the validation recordings and, where due, a
/// checkpoint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/core/tensor_view.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/data/order.h"
#include "dltonic/data/splits.h"
#include "dltonic/train/checkpoints.h"
#include "dltonic/train/engine.h"
#include "dltonic/train/evaluate.h"
#include "dltonic/train/metric_sink.h"
#include "dltonic/train/options.h"
#include "dltonic/train/resources.h"
#include "dltonic/train/schedule.h"
#include "dltonic/train/stopping.h"

namespace dltonic::train {

/// Where training stands; saved in every checkpoint, so that going on gives the numbers of an unbroken run.
struct Progression {
  std::int64_t step = 0;             ///< steps made
  std::int64_t skipped = 0;          ///< of them without an update: their sums were not finite
  std::int64_t finished_epochs = 0;  ///< evaluated, too; a stop may come between an epoch's last step and its evaluation
  double epoch_loss = 0;             ///< sum of losses of the running epoch's samples, without skipped steps
  double epoch_norm = 0;             ///< sum of its steps' gradient norms
  std::int64_t epoch_correct = 0;    ///< samples predicted right
  std::int64_t epoch_steps = 0;      ///< steps that these sums are of
  double best = 0;                   ///< best validation metric so far
  std::int64_t best_step = -1;       ///< its step; -1: none yet
  Patience stopping;                 ///< of early stopping
  Patience plateau;                  ///< of the schedule
  double plateau_factor = 1;         ///< of the learning rate
  std::vector<TensorView> state();
};

struct Summary {
  std::int64_t steps = 0;
  double seconds = 0;  ///< training, without evaluation and saving
  double samples_per_s = 0;
  double train_loss = 0, train_accuracy = 0;  ///< last epoch
  Evaluation validation;                      ///< last epoch; samples = 0 where nothing validates
  std::string monitor;
  double best = 0;
  std::int64_t best_step = -1;
  std::int64_t skipped = 0;  ///< steps whose sums were not finite
  int epochs = 0;            ///< finished
  bool ended_early = false;  ///< by early stopping
  std::string resources;     ///< what the ranks used, in a line; on rank 0
  std::string stopped_by;    ///< the wish that ended the run before its end, saved; "" where it is done
  SaveFigures saving;
};

class Trainer {
 public:
  /// Everything must outlive the trainer. timeout_s: longest stay in one step.
  Trainer(comm::World& world, Engine& engine, const data::FrameSet& frames, const data::Splits& splits, const Options& options,
          double timeout_s, Checkpoints& checkpoints, std::vector<MetricSink*> sinks, Progress& progress);
  /// Waits for a save that an error left running: it reads the engine's model.
  ~Trainer() { checkpoints_.wait(); }
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Goes on from where `checkpoint` stands. collective
  void resume(const std::string& checkpoint);
  /// To the end of the last epoch, to the end that early stopping sees, or until some rank wishes to stop (core/stop.h): then
  /// all ranks stop after the same step, save, and Summary::stopped_by says why. collective
  Summary run();
  /// One step of the run, waited for, for benchmarks and tests: returns the mean loss over the global batch. collective
  double step();

 private:
  Summary train();
  void start_epoch(std::uint32_t epoch);
  void enqueue();
  double take();
  std::string find_anomaly();
  [[noreturn]] void end_not_finite(const std::string& what) const;
  void train_epoch(comm::Phase& phase);
  void finish_epoch();
  void judge(const Evaluation& validation);
  bool ended_early() const;
  ModelState state();
  void save(bool is_best, bool is_last = false);
  std::int64_t batches() const { return static_cast<std::int64_t>(order_.batches()); }
  std::int64_t epoch() const { return progression_.step / batches(); }
  double rate_of(std::int64_t step) const { return schedule_.rate(step) * progression_.plateau_factor; }

  comm::World& world_;
  Engine& engine_;
  const data::FrameSet& frames_;
  const data::Splits& splits_;
  Options options_;
  double timeout_s_;
  Checkpoints& checkpoints_;
  std::vector<MetricSink*> sinks_;
  Progress& progress_;

  data::EpochOrder order_;
  Schedule schedule_;
  EarlyStoppingOptions stopping_;
  std::int64_t started_epoch_ = -1;
  StepKeys keys_;              ///< of the last step that was begun
  std::int64_t enqueued_ = 0;  ///< steps begun; progression_.step of them have told their results
  double epoch_seconds_ = 0;
  bool stop_wished_ = false;  ///< agreed: the run stops here
  int skipped_in_a_row_ = 0;
  std::vector<double> rates_;  ///< of the running epoch's steps
  std::int64_t saved_step_ = -1, evaluated_step_ = -1;
  Resources resources_;
  Progression progression_;
  Summary summary_;
};

}  // namespace dltonic::train
