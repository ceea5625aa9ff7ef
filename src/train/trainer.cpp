#include "dltonic/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/train/metric.h"

namespace dltonic::train {
namespace {
constexpr int kMostSkippedInARow = 50;    // a run that is broken does not mend itself
constexpr double kAnomalyLimit_s = 1800;  // a step layer by layer on CPU cores may take much longer than on a GPU
}  // namespace

std::vector<TensorView> Progression::state() {
  const auto one = [](const char* name, auto& value) {
    constexpr DType kType = std::is_same_v<decltype(value), double&> ? DType::f64 : DType::i64;
    return TensorView{std::string("train/") + name, kType, {1}, &value};
  };
  return {one("step", step),
          one("skipped", skipped),
          one("finished_epochs", finished_epochs),
          one("epoch_loss", epoch_loss),
          one("epoch_norm", epoch_norm),
          one("epoch_correct", epoch_correct),
          one("epoch_steps", epoch_steps),
          one("best", best),
          one("best_step", best_step),
          one("stopping_best", stopping.best),
          one("stopping_waited", stopping.waited),
          one("stopping_seen", stopping.seen),
          one("plateau_best", plateau.best),
          one("plateau_waited", plateau.waited),
          one("plateau_seen", plateau.seen),
          one("plateau_factor", plateau_factor)};
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
      order_(frames.samples_of(splits.train), static_cast<std::uint64_t>(options.batch_size), options.seed),
      schedule_(options.schedule, options.optimizer.learning_rate, batches(), options.epochs),
      stopping_(options.stopping()) {
  if (order_.dropped() > 0) {
    log::info(cat("an epoch trains ", with_commas(order_.batches()), " whole batches of ", options_.batch_size,
                  " and leaves out ", order_.dropped(), " samples, others each time"));
  }
  if (!splits_.val.empty()) return;
  log::info("nothing validates (data.val_split is 0): the last checkpoint counts as the best");
  if (stopping_.patience > 0 || options.schedule.kind == "plateau") {
    throw ConfigError(cat(stopping_.patience > 0 ? "train.early_stopping.patience" : "train.schedule.kind=plateau",
                          " needs validation recordings, but data.val_split leaves none"));
  }
}

void Trainer::start_epoch(std::uint32_t epoch) {
  if (order_.epoch() != epoch) order_.start(epoch);
  rates_.resize(order_.batches());
  for (std::size_t batch = 0; batch < rates_.size(); ++batch)
    rates_[batch] = rate_of(static_cast<std::int64_t>(epoch) * batches() + static_cast<std::int64_t>(batch));
  engine_.start_epoch(epoch, order_, rates_);
  started_epoch_ = epoch;
}

/// Begins the next step.
void Trainer::enqueue() {
  const auto epoch = static_cast<std::uint32_t>(enqueued_ / batches());
  if (started_epoch_ != epoch) start_epoch(epoch);
  world_.set_step(enqueued_);
  // Rank 0 decides for all when to save; any rank may have been told to stop. The answer comes in the step's result.
  keys_ = {.step = enqueued_,
           .updates = progression_.step - progression_.skipped,
           .epoch = epoch,
           .batch = static_cast<std::uint64_t>(enqueued_ % batches()),
           .wishes = {.save = checkpoints_.wishes(), .stop = stop::wished()}};
  engine_.enqueue(keys_);
  ++enqueued_;
  // While the last steps of the epoch are on their way, the next one's order is drawn, unless a step may be computed again.
  if (enqueued_ % batches() == 0 && !options_.detect_anomaly) order_.start(epoch + 1);
}

/// Where the last step's first value lies that is not finite: the lowest rank that found one tells. collective
std::string Trainer::find_anomaly() {
  const auto phase = world_.phase("look for the first value that is not finite", kAnomalyLimit_s);
  Anomaly found;
  world_.agree("look for the first value that is not finite", [&] { found = engine_.find_anomaly(keys_); });
  log::debug(cat("step ", keys_.step,
                 ", the first value that is not finite on this rank: ", found.of_rank.empty() ? "none" : found.of_rank));
  const std::vector<std::string> ranks = world_.gather(found.of_rank);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    if (!ranks[rank].empty()) return cat("; first ", ranks.size() > 1 ? cat("on rank ", rank, " in ") : "in ", ranks[rank]);
  }
  // The sum is the same everywhere.
  const std::string of_sum = world_.broadcast(found.of_sum);
  return of_sum.empty() ? "; computed again, all is finite" : cat("; first in the sum over ranks: ", of_sum);
}

void Trainer::end_not_finite(const std::string& what) const {
  Error error(cat(what, "; lower train.learning_rate (", options_.optimizer.learning_rate,
                  "), set train.clip_norm, or go on from an earlier checkpoint",
                  options_.on_nonfinite == "stop" ? "; train.on_nonfinite=skip leaves such steps out" : "",
                  options_.detect_anomaly ? "" : "; train.detect_anomaly=true tells where it begins"),
              kExitFailure);
  error.set_agreed();  // decided on a reduced value: every rank throws it
  throw error;
}

/// Waits for the oldest step whose result is not known yet; returns its mean loss.
double Trainer::take() {
  const StepResult result = engine_.result(progression_.step);
  const double loss = result.loss_sum / options_.batch_size;
  skipped_in_a_row_ = result.nonfinite ? skipped_in_a_row_ + 1 : 0;
  const std::string where = result.nonfinite && options_.detect_anomaly ? find_anomaly() : "";
  if (result.nonfinite && (options_.on_nonfinite == "stop" || skipped_in_a_row_ >= kMostSkippedInARow)) {
    end_not_finite(
        cat("the loss or a gradient is not finite (loss ", loss, ") at step ", progression_.step, ", epoch ", epoch() + 1,
            skipped_in_a_row_ > 1 ? cat(", for the ", skipped_in_a_row_, "th time in a row") : std::string(), where));
  }
  if (result.nonfinite) {
    ++progression_.skipped;
    if (world_.is_root())
      log::warn(cat("step ", progression_.step, " is left out: its loss or a gradient is not finite", where));
  } else {
    progression_.epoch_loss += result.loss_sum;
    progression_.epoch_norm += result.gradient_norm;
    progression_.epoch_correct += result.correct;
    ++progression_.epoch_steps;
  }
  ++progression_.step;
  if (result.wishes.save) checkpoints_.heard();
  stop_wished_ = stop_wished_ || result.wishes.stop;
  return loss;
}

double Trainer::step() {
  enqueue();
  double loss = 0;
  while (progression_.step < enqueued_) loss = take();
  return loss;
}

bool Trainer::ended_early() const { return stopping_.patience > 0 && progression_.stopping.waited >= stopping_.patience; }

Summary Trainer::run() {
  try {
    return train();
  } catch (const std::exception& error) {
    world_.end_if_alone(error);  // a save may be running, which the way out waits for
    throw;
  }
}

Summary Trainer::train() {
  if (progression_.finished_epochs >= options_.epochs)
    log::info(cat("nothing left to train: ", progression_.step, " steps are done"));
  auto phase = world_.phase("train", timeout_s_);
  checkpoints_.prepare(state());
  while (progression_.finished_epochs < options_.epochs && !ended_early()) {
    if (epoch() == progression_.finished_epochs) train_epoch(phase);
    if (epoch() > progression_.finished_epochs && !stop_wished_) finish_epoch();
    if (stop_wished_) break;
  }
  if (saved_step_ != progression_.step && progression_.step > 0) save(splits_.val.empty(), /*is_last=*/true);
  checkpoints_.finish();
  summary_.saving = checkpoints_.figures();
  if (stop_wished_) {
    // Each rank knows its own reason; the lowest one that has one speaks.
    for (const std::string& reason : world_.gather(stop::reason())) {
      if (summary_.stopped_by.empty()) summary_.stopped_by = reason;
    }
  } else if (ended_early()) {
    log::info(cat(stopping_.monitor, " has not improved in ", progression_.stopping.waited,
                  " evaluations (train.early_stopping.patience): the run ends after epoch ", progression_.finished_epochs));
  }
  summary_.resources = resources_.summary(world_);
  summary_.steps = progression_.step;
  summary_.skipped = progression_.skipped;
  summary_.epochs = static_cast<int>(progression_.finished_epochs);
  summary_.ended_early = ended_early();
  summary_.monitor = options_.monitor;
  summary_.best = progression_.best;
  summary_.best_step = progression_.best_step;
  return summary_;
}

/// From where the run stands to the epoch's last step, or to where some rank wished to stop.
void Trainer::train_epoch(comm::Phase& phase) {
  const auto batch_size = static_cast<std::uint64_t>(options_.batch_size);
  progress_.begin(cat("epoch ", epoch() + 1, "/", options_.epochs), static_cast<std::uint64_t>(batches()) * batch_size,
                  "samples");
  const Stopwatch watch;
  const std::int64_t first = progression_.step;
  do {
    enqueue();
    // Results are read at the same steps on every rank, so that what they make the host do is the same, too.
    const bool epoch_ends = enqueued_ % batches() == 0;
    const bool saves = !epoch_ends && checkpoints_.due(enqueued_);
    std::int64_t may_wait = epoch_ends || saves ? 0 : engine_.lag();
    while (enqueued_ - progression_.step > may_wait) {
      const double loss = take();
      phase.alive();
      progress_.advance(static_cast<std::uint64_t>((progression_.step - 1) % batches() + 1) * batch_size,
                        "loss " + fixed(loss, 4));
      if (stop_wished_) may_wait = 0;
    }
    if (saves && !stop_wished_) save(false);
  } while (enqueued_ % batches() != 0 && !stop_wished_);
  epoch_seconds_ = watch.seconds();
  summary_.seconds += epoch_seconds_;
  summary_.samples_per_s = static_cast<double>(progression_.step - first) * options_.batch_size / epoch_seconds_;
  progress_.end();
}

/// Evaluates, tells, and saves where a save is due. Nothing has changed where a wish to stop ends the evaluation.
void Trainer::finish_epoch() {
  const auto done = static_cast<int>(progression_.finished_epochs + 1);
  const double rate = rate_of(progression_.step - 1);
  bool is_best = splits_.val.empty();
  if (!splits_.val.empty()) {
    try {
      summary_.validation = evaluate(world_, engine_, frames_, splits_.val, progress_);
    } catch (const StopError&) {  // agreed
      stop_wished_ = true;
      return;
    }
    evaluated_step_ = progression_.step;
    judge(summary_.validation);
    is_best = progression_.best_step == progression_.step;
  }
  const bool finite = splits_.val.empty() || std::isfinite(summary_.validation.scalar("loss"));
  if (!finite && options_.on_nonfinite == "stop")
    end_not_finite(cat("the validation loss is not finite after step ", progression_.step, ", epoch ", done));
  const auto samples = std::max(1.0, static_cast<double>(progression_.epoch_steps) * options_.batch_size);
  summary_.train_loss = progression_.epoch_loss / samples;
  summary_.train_accuracy = static_cast<double>(progression_.epoch_correct) / samples;
  std::vector<std::pair<std::string, double>> scalars{{"loss", summary_.train_loss},
                                                      {"accuracy", summary_.train_accuracy},
                                                      {"learning_rate", rate},
                                                      {"samples_per_s", summary_.samples_per_s},
                                                      {"seconds", epoch_seconds_}};
  if (options_.optimizer.clip_norm > 0)
    scalars.emplace_back("gradient_norm",
                         progression_.epoch_norm / std::max<double>(1, static_cast<double>(progression_.epoch_steps)));
  if (progression_.skipped > 0) scalars.emplace_back("skipped_steps", static_cast<double>(progression_.skipped));
  const auto measured = engine_.measurements();
  scalars.insert(scalars.end(), measured.begin(), measured.end());
  for (MetricSink* sink : sinks_) sink->write({"train", progression_.step, done, scalars});
  std::string line = cat("epoch ", done, "/", options_.epochs, ": loss ", fixed(summary_.train_loss, 4), ", accuracy ",
                         fixed(summary_.train_accuracy, 4), ", ",
                         with_commas(static_cast<std::uint64_t>(summary_.samples_per_s)), " samples/s");
  if (!splits_.val.empty()) {
    for (MetricSink* sink : sinks_) sink->write({"val", progression_.step, done, summary_.validation.scalars});
    line += "; validation: ";
    for (const MetricKind& kind : metric_kinds()) {
      if (kind.in_log || kind.name == options_.monitor)
        line += cat(kind.name, " ", fixed(summary_.validation.scalar(kind.name), 4), ", ");
    }
    line.resize(line.size() - 2);
    if (is_best) line += " (best)";
  }
  const auto used = resources_.since_last(world_);
  for (MetricSink* sink : sinks_) sink->write({"resources", progression_.step, done, used});
  log::info(line);
  progression_.finished_epochs = done;
  progression_.epoch_loss = 0;
  progression_.epoch_norm = 0;
  progression_.epoch_correct = 0;
  progression_.epoch_steps = 0;
  if (!finite) {
    if (world_.is_root()) log::warn("no checkpoint is made: the validation loss is not finite");
    return;
  }
  if (checkpoints_.due_at_epoch_end(done, is_best && !splits_.val.empty())) save(is_best);
}

/// What an evaluation changes: the best one, the plateau's rate, how long early stopping has waited.
void Trainer::judge(const Evaluation& validation) {
  if (!std::isfinite(validation.scalar("loss"))) return;
  const double value = validation.scalar(options_.monitor);
  // Among equals the later one: small validation sets tie often, and the longer trained model is the safer choice.
  if (progression_.best_step < 0 || value == progression_.best ||
      improves(metric_kind(options_.monitor).better, value, progression_.best)) {
    progression_.best = value;
    progression_.best_step = progression_.step;
  }
  progression_.stopping.observe(stopping_.better(), validation.scalar(stopping_.monitor), stopping_.min_delta);
  const ScheduleOptions& schedule = options_.schedule;
  if (schedule.kind != "plateau") return;
  const bool better = progression_.plateau.observe(metric_kind(schedule.monitor).better, validation.scalar(schedule.monitor),
                                                   schedule.min_delta);
  if (better || progression_.plateau.waited <= schedule.patience) return;
  progression_.plateau.waited = 0;
  const double factor = std::max(schedule.final_factor, progression_.plateau_factor * schedule.gamma);
  if (factor == progression_.plateau_factor) return;
  progression_.plateau_factor = factor;
  log::info(cat(schedule.monitor, " has not improved in ", schedule.patience + 1, " evaluations: the learning rate is now ",
                options_.optimizer.learning_rate * factor));
}

ModelState Trainer::state() { return {engine_.model().state(), progression_.state(), engine_.steps_change_host()}; }

void Trainer::save(bool is_best, bool is_last) {
  Moment moment{.step = progression_.step,
                .epoch = static_cast<double>(progression_.step) / static_cast<double>(batches()),
                .metrics = {},
                .is_best = is_best,
                .is_last = is_last};
  if (evaluated_step_ == progression_.step) moment.metrics = summary_.validation.scalars;
  checkpoints_.save(std::move(moment), [&] {
    engine_.to_host(progression_.step - progression_.skipped);
    return state();
  });
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
