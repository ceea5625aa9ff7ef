#include "dltonic/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::train {

std::vector<TensorView> Progression::state() {
  return {{"train/step", DType::i64, {1}, &step},
          {"train/epoch_loss", DType::f64, {1}, &epoch_loss},
          {"train/epoch_correct", DType::i64, {1}, &epoch_correct},
          {"train/best", DType::f64, {1}, &best},
          {"train/best_step", DType::i64, {1}, &best_step}};
}

Trainer::Trainer(comm::World& world, Engine& engine, const data::FrameSet& frames, const data::Splits& splits,
                 const Options& options, double timeout_s, Checkpoints& checkpoints, std::vector<MetricSink*> sinks,
                 Progress& progress)
    : world_(world),
      engine_(engine),
      frames_(frames),
      splits_(splits),
      options_(options),
      timeout_s_(timeout_s),
      checkpoints_(checkpoints),
      sinks_(std::move(sinks)),
      progress_(progress),
      order_(frames.samples_of(splits.train), static_cast<std::uint64_t>(options.batch_size), options.seed) {
  if (order_.dropped() > 0) {
    log::info(cat("an epoch trains ", with_commas(order_.batches()), " whole batches of ", options_.batch_size,
                  " and leaves out ", order_.dropped(), " samples, others each time"));
  }
  if (splits.val.empty()) log::info("nothing validates (data.val_split is 0): the last checkpoint counts as the best");
}

/// Begins the next step.
void Trainer::enqueue() {
  const auto epoch = static_cast<std::uint32_t>(enqueued_ / batches());
  if (started_epoch_ != epoch) {
    if (order_.epoch() != epoch) order_.start(epoch);
    engine_.start_epoch(epoch, order_);
    started_epoch_ = epoch;
  }
  world_.set_step(enqueued_);
  // Rank 0's clock decides for all: its wish comes back in the step's result.
  const bool save_now = world_.is_root() && options_.checkpoint_minutes > 0 &&
                        steady_seconds() - last_save_s_ >= options_.checkpoint_minutes * 60;
  engine_.enqueue({.step = enqueued_,
                   .epoch = epoch,
                   .batch = static_cast<std::uint64_t>(enqueued_ % batches()),
                   .learning_rate = options_.optimizer.learning_rate,
                   .wish = save_now});
  ++enqueued_;
  // While the last steps of the epoch are on their way, the next one's order is drawn.
  if (enqueued_ % batches() == 0) order_.start(epoch + 1);
}

/// Waits for the oldest step whose result is not known yet; returns its mean loss.
double Trainer::take() {
  const StepResult result = engine_.result(progression_.step);
  const double loss = result.loss_sum / options_.batch_size;
  if (result.nonfinite) {
    Error error(cat("the loss or a gradient is not finite (loss ", loss, ") at step ", progression_.step, ", epoch ",
                    progression_.step / batches() + 1, "; lower train.learning_rate (", options_.optimizer.learning_rate,
                    ") or go on from an earlier checkpoint"),
                kExitFailure);
    error.set_agreed();  // decided on a reduced value: every rank throws it
    throw error;
  }
  ++progression_.step;
  progression_.epoch_loss += result.loss_sum;
  progression_.epoch_correct += result.correct;
  save_wished_ = save_wished_ || result.wish;
  return loss;
}

double Trainer::step() {
  enqueue();
  double loss = 0;
  while (progression_.step < enqueued_) loss = take();
  return loss;
}

Summary Trainer::run() {
  const auto batch_size = static_cast<std::uint64_t>(options_.batch_size);
  const std::int64_t last_step = batches() * options_.epochs;
  if (progression_.step >= last_step) log::info(cat("nothing left to train: ", progression_.step, " steps are done"));
  auto phase = world_.phase("train", timeout_s_);
  last_save_s_ = steady_seconds();
  while (progression_.step < last_step) {
    progress_.begin(cat("epoch ", progression_.step / batches() + 1, "/", options_.epochs),
                    static_cast<std::uint64_t>(batches()) * batch_size, "samples");
    Stopwatch watch;
    const std::int64_t first = progression_.step;
    do {
      enqueue();
      // Results are read at the same steps on every rank, so that what they make the host do is the same, too.
      std::int64_t may_wait = enqueued_ % batches() == 0 ? 0 : engine_.lag();
      while (enqueued_ - progression_.step > may_wait) {
        const double loss = take();
        phase.alive();
        progress_.advance(static_cast<std::uint64_t>((progression_.step - 1) % batches() + 1) * batch_size,
                          "loss " + fixed(loss, 4));
        if (save_wished_) may_wait = 0;
      }
      if (save_wished_ && progression_.step % batches() != 0) save(false);
    } while (enqueued_ % batches() != 0);
    epoch_seconds_ = watch.seconds();
    summary_.seconds += epoch_seconds_;
    summary_.samples_per_s = static_cast<double>(progression_.step - first) * options_.batch_size / epoch_seconds_;
    finish_epoch();
  }
  if (saved_step_ != progression_.step && progression_.step > 0) save(splits_.val.empty());
  summary_.steps = progression_.step;
  summary_.monitor = options_.monitor;
  summary_.best = progression_.best;
  summary_.best_step = progression_.best_step;
  return summary_;
}

void Trainer::finish_epoch() {
  const auto samples = static_cast<double>(batches()) * options_.batch_size;
  const auto done = static_cast<int>(progression_.step / batches());
  summary_.train_loss = progression_.epoch_loss / samples;
  summary_.train_accuracy = static_cast<double>(progression_.epoch_correct) / samples;
  progression_.epoch_loss = 0;
  progression_.epoch_correct = 0;
  std::string line = cat("epoch ", done, "/", options_.epochs, ": loss ", fixed(summary_.train_loss, 4), ", accuracy ",
                         fixed(summary_.train_accuracy, 4), ", ",
                         with_commas(static_cast<std::uint64_t>(summary_.samples_per_s)), " samples/s");
  progress_.end();
  std::vector<std::pair<std::string, double>> scalars{{"loss", summary_.train_loss},
                                                      {"accuracy", summary_.train_accuracy},
                                                      {"learning_rate", options_.optimizer.learning_rate},
                                                      {"samples_per_s", summary_.samples_per_s},
                                                      {"seconds", epoch_seconds_}};
  const auto measured = engine_.measurements();
  scalars.insert(scalars.end(), measured.begin(), measured.end());
  for (MetricSink* sink : sinks_) sink->write({"train", progression_.step, done, scalars});
  bool is_best = splits_.val.empty();
  if (!splits_.val.empty()) {
    summary_.validation = evaluate(world_, engine_, frames_, splits_.val, progress_);
    const double value = summary_.validation.scalar(options_.monitor);
    const bool smaller_is_better = options_.monitor == "loss";
    // Among equals the later one: small validation sets tie often, and the longer trained model is the safer choice.
    is_best = progression_.best_step < 0 || (smaller_is_better ? value <= progression_.best : value >= progression_.best);
    if (is_best) {
      progression_.best = value;
      progression_.best_step = progression_.step;
    }
    line += cat("; validation: accuracy hard ", fixed(summary_.validation.scalar("accuracy_hard"), 4), ", soft ",
                fixed(summary_.validation.scalar("accuracy_soft"), 4), ", loss ", fixed(summary_.validation.scalar("loss"), 4),
                is_best ? " (best)" : "");
    for (MetricSink* sink : sinks_) sink->write({"val", progression_.step, done, summary_.validation.scalars()});
  }
  log::info(line);
  const bool due = options_.checkpoint_epochs > 0 && done % options_.checkpoint_epochs == 0;
  if (due || (is_best && !splits_.val.empty())) save(is_best);
}

void Trainer::save(bool is_best) {
  engine_.to_host(progression_.step);
  auto tensors = engine_.model().state();
  const auto own = progression_.state();
  tensors.insert(tensors.end(), own.begin(), own.end());
  checkpoints_.save(
      progression_.step, static_cast<double>(progression_.step) / static_cast<double>(batches()), tensors,
      summary_.validation.samples > 0 ? summary_.validation.scalars() : std::vector<std::pair<std::string, double>>{}, is_best);
  last_save_s_ = steady_seconds();
  save_wished_ = false;
  saved_step_ = progression_.step;
}

void Trainer::resume(const std::string& checkpoint) {
  auto tensors = engine_.model().state();
  const auto own = progression_.state();
  tensors.insert(tensors.end(), own.begin(), own.end());
  checkpoints_.load(checkpoint, tensors);
  engine_.model().state_loaded();
  engine_.from_host();
  enqueued_ = progression_.step;
  started_epoch_ = -1;
  saved_step_ = progression_.step;
  log::info(cat("going on from ", checkpoint, " at step ", progression_.step));
}

}  // namespace dltonic::train
