#include "dltonic/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/train/metric.h"

namespace dltonic::train {
namespace {
/// Half a cosine from `from` (part 0) to `to` (part 1).
double cosine(double from, double to, double part) { return to + (from - to) * (1 + std::cos(std::numbers::pi * part)) / 2; }
}  // namespace

void ScheduleOptions::bind(config::Section& s) {
  s.key("kind", kind,
        "how train.learning_rate changes: step, multi_step, exponential by epochs of the run; cosine, one_cycle, polynomial "
        "over "
        "the steps that follow the warm-up; plateau after evaluations that did not improve")
      .choices({"constant", "step", "multi_step", "exponential", "cosine", "one_cycle", "polynomial", "plateau"});
  s.key("warmup_epochs", warmup_epochs, "linear rise before the schedule; a fraction of an epoch will do")
      .unit("epochs")
      .min(0);
  s.key("warmup_from", warmup_from, "share of the rate that the warm-up begins with").min(0).max(1);
  s.key("every_epochs", every_epochs, "step: epochs between two changes").unit("epochs").min(1);
  s.key("gamma", gamma, "step, multi_step, exponential, plateau: what a change multiplies the rate with").above(0).max(1);
  s.key("milestones", milestones, "multi_step: epochs after which the rate changes");
  s.key("final_factor", final_factor, "cosine, polynomial, one_cycle: share of the rate at the end; plateau: the least share")
      .min(0)
      .max(1);
  s.key("power", power, "polynomial: exponent").above(0);
  s.key("rise", rise, "one_cycle: share of the steps in which the rate rises").above(0).below(1);
  s.key("first_factor", first_factor, "one_cycle: share of the rate at the beginning").above(0).max(1);
  s.key("monitor", monitor, "plateau: validation metric that must improve").choices(metric_names());
  s.key("patience", patience, "plateau: evaluations without improvement that pass before the rate changes").min(0);
  s.key("min_delta", min_delta, "plateau: less than this is no improvement").min(0);
}

Schedule::Schedule(const ScheduleOptions& options, double learning_rate, std::int64_t batches, int epochs)
    : options_(options),
      learning_rate_(learning_rate),
      batches_(batches),
      warmup_(std::llround(options.warmup_epochs * static_cast<double>(batches))),
      total_(batches * epochs) {
  if (warmup_ >= total_ && warmup_ > 0) {
    throw ConfigError(cat("train.schedule.warmup_epochs is ", options.warmup_epochs, ", but train.epochs is ", epochs,
                          "; a warm-up must end before the run does"));
  }
  if (options.kind == "multi_step" && (options.milestones.empty() || options.milestones.front() < 1 ||
                                       !std::is_sorted(options.milestones.begin(), options.milestones.end()))) {
    throw ConfigError("train.schedule.milestones must be increasing epochs from 1 on, as [30, 40]");
  }
  if (options.kind == "one_cycle" && options.rise * static_cast<double>(total_ - warmup_) <= 1) {
    throw ConfigError(cat("train.schedule.kind=one_cycle: ", total_ - warmup_, " steps, ", options.rise,
                          " of them rising, is no whole step; train longer, or choose cosine"));
  }
}

double Schedule::factor(std::int64_t step) const {
  const ScheduleOptions& o = options_;
  if (step < warmup_) return o.warmup_from + (1 - o.warmup_from) * static_cast<double>(step) / static_cast<double>(warmup_);
  const std::int64_t epoch = step / batches_;
  const double at = static_cast<double>(step - warmup_), steps = static_cast<double>(total_ - warmup_);
  if (o.kind == "step") return std::pow(o.gamma, static_cast<double>(epoch / o.every_epochs));
  if (o.kind == "multi_step") {
    const auto passed = std::upper_bound(o.milestones.begin(), o.milestones.end(), epoch) - o.milestones.begin();
    return std::pow(o.gamma, static_cast<double>(passed));
  }
  if (o.kind == "exponential") return std::pow(o.gamma, static_cast<double>(epoch));
  if (o.kind == "cosine") return cosine(1, o.final_factor, at / steps);
  if (o.kind == "polynomial") return o.final_factor + (1 - o.final_factor) * std::pow(1 - at / steps, o.power);
  if (o.kind == "one_cycle") {
    const double top = o.rise * steps - 1, end = steps - 1;
    return at <= top ? cosine(o.first_factor, 1, at / top) : cosine(1, o.final_factor, (at - top) / (end - top));
  }
  return 1;  // constant, plateau
}

double Schedule::rate(std::int64_t step) const { return learning_rate_ * factor(std::min(step, total_ - 1)); }

}  // namespace dltonic::train
