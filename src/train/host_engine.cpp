/// Steps on the host's cores: each part of the global batch that the rank owns is read, run forward and backward into a
/// gradient buffer of its own; the buffers of all ranks are added in one fixed tree; every rank makes the same update.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "dltonic/comm/canonical.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "train/engines.h"

namespace dltonic::train {
namespace {

constexpr std::size_t kScoredAtOnce = 256;

/// x × 0 is 0 for finite numbers, and no other: the sum keeps what is not.
bool all_finite(std::span<const float> values) {
  float sum = 0;
#pragma omp parallel for simd reduction(+ : sum) schedule(static)
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * 0.0f;
  return sum == 0.0f;
}

class HostEngine : public Engine {
 public:
  HostEngine(comm::World& world, model::Model& model, const data::FrameSet& frames, const EnginePlan& plan)
      : world_(world),
        model_(model),
        frames_(frames),
        plan_(plan),
        augmentation_(plan.augmentation, frames.shape, plan.train.seed) {
    if (plan.training_samples == 0) return;
    parts_ = parts_of(world, plan);
    gradients_.assign(parts_.size(), std::vector<float>(model.gradient_size()));
    reduced_.resize(model.gradient_size());
  }

  model::Model& model() override { return model_; }
  int lag() const override { return 0; }
  void start_epoch(std::uint32_t /*epoch*/, const data::EpochOrder& order, std::span<const double> rates) override {
    order_ = &order;
    stages_ = {};
    steps_timed_ = 0;
    rates_.assign(rates.begin(), rates.end());
  }

  void enqueue(const StepKeys& keys) override {
    const model::StepContext context{1.0 / plan_.train.batch_size, plan_.train.seed, keys.step};
    constexpr std::size_t kSums = 4;  // of each part: loss, right predictions, wishes to save and to stop
    std::vector<double> sums(parts_.size() * kSums);
    if (!sums.empty()) sums[2] = keys.wishes.save, sums[3] = keys.wishes.stop;
    if (nan_at(fault::kParameters)) break_parameters();
    for (auto& gradient : gradients_) std::fill(gradient.begin(), gradient.end(), 0.0f);
    each_micro_batch(plan_, parts_, *order_, keys.batch, [&](std::size_t part, std::span<const std::uint32_t> samples) {
      lap(kNothing);
      data::fill_batch(frames_, samples, plan_.augmentation.any() ? &augmentation_ : nullptr, keys.epoch, batch_,
                       plan_.event_frames);
      lap(kData);
      const auto result = model_.forward_backward(batch_, context, gradients_[part]);
      lap(kPasses);
      sums[kSums * part] += result.loss_sum;
      sums[kSums * part + 1] += static_cast<double>(result.correct);
    });
    if (nan_at(fault::kGradients)) gradients_.front()[gradients_.front().size() / 2] = std::numeric_limits<float>::quiet_NaN();
    std::vector<std::span<const float>> gradient_views(gradients_.begin(), gradients_.end());
    std::vector<std::span<const double>> sum_views;
    for (std::size_t p = 0; p < parts_.size(); ++p) sum_views.emplace_back(sums.data() + kSums * p, kSums);
    const int count = parts_in_all(world_, plan_);
    double reduced[kSums];
    lap(kNothing);
    comm::reduce_canonical(world_, sum_views, count, std::span<double>(reduced));
    result_ = {.loss_sum = reduced[0],
               .correct = static_cast<std::int64_t>(reduced[1]),
               .wishes = {.save = reduced[2] > 0, .stop = reduced[3] > 0}};
    comm::reduce_canonical(world_, gradient_views, count, reduced_);
    lap(kReduce);
    ++steps_timed_;
    result_.nonfinite = !std::isfinite(result_.loss_sum) || !all_finite(reduced_);
    if (result_.nonfinite) return;
    result_.gradient_norm = model_.update(reduced_, rates_[keys.batch]);
    result_.nonfinite = !std::isfinite(result_.gradient_norm);
    lap(kUpdate);
  }
  StepResult result(std::int64_t /*step*/) override { return result_; }

  Anomaly find_anomaly(const StepKeys& keys) override {
    Anomaly found;
    found.of_rank = train::find_anomaly(model_, frames_, augmentation_, plan_, parts_, *order_, keys);
    for (const auto& gradient : gradients_) {  // as the step left them
      if (!found.of_rank.empty()) break;
      found.of_rank = model_.find_anomaly(gradient);
      if (!found.of_rank.empty()) found.of_rank += ", though finite when it is computed again";
    }
    found.of_sum = model_.find_anomaly(reduced_);
    return found;
  }

  void to_host(std::int64_t /*updates*/) override {}
  void from_host() override {}

  std::size_t scored_at_once() const override { return kScoredAtOnce; }
  void score(std::span<const std::uint32_t> samples, model::Reading reading, std::span<float> out) override {
    data::fill_batch(frames_, samples, nullptr, 0, batch_);
    model_.logits(batch_, reading, out);
  }

  std::vector<std::pair<std::string, double>> measurements() override {
    std::vector<std::pair<std::string, double>> out;
    for (std::size_t i = 0; i < stages_.size() && steps_timed_ > 0; ++i)
      out.emplace_back(cat("step_", kStages[i], "_ms"), 1e3 * stages_[i] / static_cast<double>(steps_timed_));
    add_cutting(plan_, out);
    return out;
  }
  std::string describe() const override { return "on CPU cores"; }

 private:
  // Where the time of the epoch's steps went, on this rank; waiting for other ranks counts as reduce.
  enum Stage : std::size_t { kData, kPasses, kReduce, kUpdate, kNothing };
  static constexpr std::array<const char*, kNothing> kStages{"data", "forward_backward", "reduce", "update"};
  /// The time since the last lap was `stage`.
  void lap(Stage stage) {
    const double now = steady_seconds();
    if (stage != kNothing) stages_[stage] += now - lap_at_;
    lap_at_ = now;
  }

  /// What the fault point asks for.
  void break_parameters() {
    for (const TensorView& tensor : model_.state()) {
      if (tensor.type != DType::f32) continue;
      static_cast<float*>(tensor.data)[tensor.elements() / 2] = std::numeric_limits<float>::quiet_NaN();
      return model_.state_loaded();
    }
  }

  comm::World& world_;
  model::Model& model_;
  const data::FrameSet& frames_;
  EnginePlan plan_;
  data::Augmentation augmentation_;
  std::vector<data::BatchPart> parts_;
  const data::EpochOrder* order_ = nullptr;
  std::vector<double> rates_;  ///< of the epoch's steps
  data::Batch batch_;
  std::vector<std::vector<float>> gradients_;  ///< a buffer a part; the reduced gradient ends in reduced_
  std::vector<float> reduced_;
  StepResult result_;
  std::array<double, kNothing> stages_{};
  std::int64_t steps_timed_ = 0;
  double lap_at_ = 0;
};

}  // namespace

std::unique_ptr<Engine> make_host_engine(comm::World& world, model::Model& model, const data::FrameSet& frames,
                                         const EnginePlan& plan) {
  return std::make_unique<HostEngine>(world, model, frames, plan);
}

}  // namespace dltonic::train
