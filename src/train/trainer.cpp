#include "dltonic/train/trainer.h"

#include <algorithm>
#include <cmath>

#include "dltonic/comm/canonical.h"
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

Trainer::Trainer(comm::World& world, model::Model& model, const data::FrameSet& frames, const data::Splits& splits,
                 const Options& options, const DistributedOptions& distributed, const data::AugmentationOptions& augmentation,
                 double timeout_s, Checkpoints& checkpoints, std::vector<MetricSink*> sinks, Progress& progress)
    : world_(world),
      model_(model),
      frames_(frames),
      splits_(splits),
      options_(options),
      shards_(distributed.shards(options.batch_size)),
      timeout_s_(timeout_s),
      checkpoints_(checkpoints),
      sinks_(std::move(sinks)),
      progress_(progress),
      order_(frames.samples_of(splits.train), static_cast<std::uint64_t>(options.batch_size), options.seed),
      parts_(data::parts_of_rank(static_cast<std::uint64_t>(options.batch_size), shards_, world.rank(), world.size())),
      augmentation_(augmentation, frames.shape, options.seed),
      augments_(augmentation.any()),
      reduced_(model.gradient_size()) {
  gradients_.assign(parts_.size(), std::vector<float>(model.gradient_size()));
  if (shards_ > 0 && options_.micro_batch_size > 0 && (options_.batch_size / shards_) % options_.micro_batch_size != 0) {
    throw ConfigError(cat("train.micro_batch_size is ", options_.micro_batch_size,
                          ", which does not divide a canonical shard of ", options_.batch_size / shards_,
                          " samples; use a divisor of it"));
  }
  if (order_.dropped() > 0) {
    log::info(cat("an epoch trains ", with_commas(order_.batches()), " whole batches of ", options_.batch_size,
                  " and leaves out ", order_.dropped(), " samples, others each time"));
  }
  if (splits.val.empty()) log::info("nothing validates (data.val_split is 0): the last checkpoint counts as the best");
}

double Trainer::step() {
  if (ordered_epoch_ != epoch()) {
    order_.start(epoch());
    ordered_epoch_ = epoch();
  }
  world_.set_step(progression_.step);
  const auto batch_in_epoch = static_cast<std::uint64_t>(progression_.step) % order_.batches();
  const model::StepContext context{1.0 / options_.batch_size, options_.seed, progression_.step};

  // A part's loss, number of right predictions and wish to save: rank 0's clock decides for all, in this same reduction.
  constexpr std::size_t kSums = 3;
  std::vector<double> sums(parts_.size() * kSums);
  if (world_.is_root() && options_.checkpoint_minutes > 0)
    sums[2] = steady_seconds() - last_save_s_ >= options_.checkpoint_minutes * 60;
  std::vector<std::span<const float>> gradient_views;
  std::vector<std::span<const double>> sum_views;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const auto samples = order_.samples(batch_in_epoch, parts_[p]);
    const std::size_t at_once =
        options_.micro_batch_size > 0 ? static_cast<std::size_t>(options_.micro_batch_size) : samples.size();
    std::fill(gradients_[p].begin(), gradients_[p].end(), 0.0f);
    for (std::size_t first = 0; first < samples.size(); first += at_once) {
      const auto some = samples.subspan(first, std::min(at_once, samples.size() - first));
      data::fill_batch(frames_, some, augments_ ? &augmentation_ : nullptr, epoch(), batch_);
      const auto result = model_.forward_backward(batch_, context, gradients_[p]);
      sums[kSums * p] += result.loss_sum;
      sums[kSums * p + 1] += static_cast<double>(result.correct);
    }
    gradient_views.emplace_back(gradients_[p]);
    sum_views.emplace_back(sums.data() + kSums * p, kSums);
  }
  // Without shards each rank's share is one: the sums then depend on the number of ranks, and on nothing else.
  const int shards = shards_ > 0 ? shards_ : world_.size();
  double reduced[kSums];
  comm::reduce_canonical(world_, sum_views, shards, std::span<double>(reduced));
  const double loss = reduced[0] / options_.batch_size;
  if (!std::isfinite(loss)) {
    Error error(cat("the loss is not finite (", loss, ") at step ", progression_.step, ", epoch ", epoch() + 1,
                    "; lower train.learning_rate (", options_.optimizer.learning_rate, ") or go on from an earlier checkpoint"),
                kExitFailure);
    error.set_agreed();  // decided on a reduced value: every rank throws it
    throw error;
  }
  comm::reduce_canonical(world_, gradient_views, shards, reduced_);
  model_.update(reduced_, options_.optimizer.learning_rate);
  ++progression_.step;
  progression_.epoch_loss += reduced[0];
  progression_.epoch_correct += static_cast<std::int64_t>(reduced[1]);
  save_wished_ = reduced[2] > 0;
  return loss;
}

Summary Trainer::run() {
  const auto batches = static_cast<std::int64_t>(order_.batches());
  const auto batch_size = static_cast<std::uint64_t>(options_.batch_size);
  const std::int64_t last_step = batches * options_.epochs;
  if (progression_.step >= last_step) log::info(cat("nothing left to train: ", progression_.step, " steps are done"));
  auto phase = world_.phase("train", timeout_s_);
  last_save_s_ = steady_seconds();
  while (progression_.step < last_step) {
    progress_.begin(cat("epoch ", epoch() + 1, "/", options_.epochs), static_cast<std::uint64_t>(batches) * batch_size,
                    "samples");
    Stopwatch watch;
    const std::int64_t first = progression_.step;
    do {
      const double loss = step();
      phase.alive();
      progress_.advance(static_cast<std::uint64_t>((progression_.step - 1) % batches + 1) * batch_size,
                        "loss " + fixed(loss, 4));
      if (save_wished_ && progression_.step % batches != 0) save(false);
    } while (progression_.step % batches != 0);
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
  const auto samples = static_cast<double>(order_.batches()) * options_.batch_size;
  const auto done = static_cast<int>(progression_.step / static_cast<std::int64_t>(order_.batches()));
  summary_.train_loss = progression_.epoch_loss / samples;
  summary_.train_accuracy = static_cast<double>(progression_.epoch_correct) / samples;
  progression_.epoch_loss = 0;
  progression_.epoch_correct = 0;
  std::string line = cat("epoch ", done, "/", options_.epochs, ": loss ", fixed(summary_.train_loss, 4), ", accuracy ",
                         fixed(summary_.train_accuracy, 4), ", ",
                         with_commas(static_cast<std::uint64_t>(summary_.samples_per_s)), " samples/s");
  progress_.end();
  for (MetricSink* sink : sinks_) {
    sink->write({"train",
                 progression_.step,
                 done,
                 {{"loss", summary_.train_loss},
                  {"accuracy", summary_.train_accuracy},
                  {"learning_rate", options_.optimizer.learning_rate},
                  {"samples_per_s", summary_.samples_per_s},
                  {"seconds", epoch_seconds_}}});
  }
  bool is_best = splits_.val.empty();
  if (!splits_.val.empty()) {
    summary_.validation = evaluate(world_, model_, frames_, splits_.val, progress_);
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
  auto tensors = model_.state();
  const auto own = progression_.state();
  tensors.insert(tensors.end(), own.begin(), own.end());
  checkpoints_.save(
      progression_.step, static_cast<double>(progression_.step) / static_cast<double>(order_.batches()), tensors,
      summary_.validation.samples > 0 ? summary_.validation.scalars() : std::vector<std::pair<std::string, double>>{}, is_best);
  last_save_s_ = steady_seconds();
  saved_step_ = progression_.step;
}

void Trainer::resume(const std::string& checkpoint) {
  auto tensors = model_.state();
  const auto own = progression_.state();
  tensors.insert(tensors.end(), own.begin(), own.end());
  checkpoints_.load(checkpoint, tensors);
  model_.state_loaded();
  saved_step_ = progression_.step;
  log::info(cat("going on from ", checkpoint, " at step ", progression_.step));
}

}  // namespace dltonic::train
