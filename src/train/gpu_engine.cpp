/// Steps on a GPU a rank. A step is one graph: gather and augment, forward, backward, sums over ranks (each bucket of
/// gradients on a stream of its own, beside the backward of the layers before it), update, report. The host launches steps
/// and reads a report `lag` steps later; what changes from step to step lies in the GPU's memory (device/step.h).
///
/// Where sums cannot stay on the GPUs (canonical reduction, ranks that share a GPU, no NCCL), the same calls run one by one,
/// and sums go through host memory.
#include <sched.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>

#include "dltonic/comm/canonical.h"
#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/data/device_frames.h"
#include "dltonic/device/device.h"
#include "dltonic/model/gpu_model.h"
#include "train/engines.h"

namespace dltonic::train {
namespace {

constexpr int kMostScoredAtOnce = 4096, kLeastScoredAtOnce = 64;
constexpr std::size_t kScoredBytes = std::size_t{256} << 20;  ///< of rows that are scored at once

int scored_at_once_of(const data::FrameShape& shape) {
  const std::size_t samples = kScoredBytes / (words_for(shape.row_bits()) * sizeof(std::uint64_t));
  return static_cast<int>(std::clamp<std::size_t>(samples, kLeastScoredAtOnce, kMostScoredAtOnce));
}

class GpuEngine : public Engine {
 public:
  GpuEngine(comm::World& world, const comm::Gpu& gpu, model::Model& model, const data::FrameSet& frames, const EnginePlan& plan)
      : world_(world),
        host_(model),
        frames_(frames),
        scored_at_once_(scored_at_once_of(frames.shape)),
        plan_(plan),
        augmentation_(plan.augmentation, frames.shape, plan.train.seed),
        shards_(plan.distributed.shards(plan.train.batch_size)),
        reducer_(world, gpu, plan.timeout_s) {
    if (trains() && world.size() > 1 && reducer_.available())
      sums_ = reducer_.memory(device::Steps::kPacked + model.gradient_size());
    const auto gradients = sums_.empty() ? std::span<float>() : sums_.subspan(device::Steps::kPacked);
    world.agree("put the model on the GPU", [&] {
      if (trains()) parts_ = parts_of(world, plan);
      for (const auto& part : parts_) share_ += static_cast<int>(part.count);
      const int micro = plan.train.micro_batch_size;
      for (const auto& part : parts_) {
        const int count = static_cast<int>(part.count);
        most_ = std::max(most_, micro > 0 ? std::min(micro, count) : count);
      }
      if (trains()) {
        shares_ = data::EpochShares(plan.training_samples, batch_size(), shards_, world.rank(), world.size());
      }
      const int last = most_ > 0 ? share_ % most_ : 0;
      model_ = model.on_gpu({.precision = logic::precision_from(plan.train.precision),
                             .most_samples = std::max(1, most_),
                             .last_samples = last,
                             .gradients = gradients},
                            stream_);
    });
    data::DeviceFrames::Plan frames_plan{.residency = data::residency_from(plan.residency),
                                         .shares = shares_,
                                         .gpus = &reducer_,
                                         .cut = trains() ? plan.event_frames : nullptr,
                                         .epochs = static_cast<std::size_t>(plan.train.epochs),
                                         .most_evaluated = scored_at_once_,
                                         .reserve_bytes = (std::size_t{512} << 20) + model_->reading_bytes()};
    if (frames_plan.cut != nullptr) {
      if (frames_plan.residency != data::Residency::automatic && frames_plan.residency != data::Residency::stream)
        log::warn(cat("data.residency ", plan.residency, ": rows that are cut from events are streamed"));
      frames_plan.residency = data::Residency::stream;
    }
    // All ranks exchange rows, or none does: the one with least room decides.
    if (frames_plan.residency == data::Residency::automatic) {
      frames_plan.chosen = true;
      int residency = 0;
      world.agree("choose where frames lie",
                  [&] { residency = static_cast<int>(data::DeviceFrames::choose(frames, frames_plan)); });
      frames_plan.residency = static_cast<data::Residency>(static_cast<int>(world.max(residency)));
    }
    world.agree("put frames on the GPU", [&] {
      const auto row_bits = frames.shape.row_bits();
      if (trains()) batch_.emplace(row_bits, most_);
      scored_.emplace(row_bits, scored_at_once_);
      scores_ = device::Buffer<float>(static_cast<std::size_t>(scored_at_once_) * frames.classes.size());
      data_.emplace(frames, frames_plan);
    });
    through_host_ = world.size() > 1 && !reducer_.available();
    captures_ = trains() && !through_host_ && shards_ == 0;
    if (trains() && through_host_ && world.is_root())
      log::warn(cat("gradients are added up in host memory: ", reducer_.why_not()));
  }

  model::Model& model() override { return host_; }
  int lag() const override { return captures_ && !plan_.train.detect_anomaly ? plan_.train.flag_lag : 0; }

  void start_epoch(std::uint32_t /*epoch*/, const data::EpochOrder& order, std::span<const double> rates) override {
    order_ = &order;
    rates_.assign(rates.begin(), rates.end());
    begun_epoch_ = false;
    or_end([&] { data_->start_epoch(order, stream_); });
  }

  void enqueue(const StepKeys& keys) override {
    const device::Range range("step");
    or_end([&] {
      if (keys.step != next_.step || keys.epoch != next_.epoch || keys.batch != next_.batch || !begun_ || !begun_epoch_) {
        next_ = {.seed = plan_.train.seed,
                 .step = keys.step,
                 .updates = keys.updates,
                 .epoch = keys.epoch,
                 .batch = static_cast<std::uint32_t>(keys.batch),
                 .learning_rate = rates_[keys.batch]};
        steps_.set(next_, stream_, std::span(rates_).subspan(keys.batch + 1));
        begun_epoch_ = true;
      }
      if (!begun_) model_->begin(steps_.clock(), stream_);
      begun_ = true;
      steps_.wish(keys.wishes, stream_);
      data_->prepare_step(static_cast<std::int64_t>(keys.batch), stream_);
      if (!captures_) {
        step_through_host(keys.wishes);
      } else {
        if (!graph_) {
          graph_ = device::Graph(stream_, [&] { record(nullptr); });
          timed_graph_ = device::Graph(stream_, [&] { record(&marks_); });
        }
        timed_ = timed_ || keys.batch == 0;
        (keys.batch == 0 ? timed_graph_ : graph_).launch(stream_);
      }
      ++next_.step;
      ++next_.batch;
    });
  }

  StepResult result(std::int64_t step) override {
    StepResult result;
    or_end([&] {
      if (!captures_) {
        result = result_;
        return;
      }
      const auto waiting = reducer_.waiting();
      std::optional<device::StepSums> sums;
      for (int looks = 0; !(sums = steps_.report(step)); ++looks) {
        if (looks % 1000 == 999 && device::idle(stream_) && !steps_.report(step))
          throw DeviceError(cat("the GPU has finished its work but reported nothing of step ", step));
        ::sched_yield();
      }
      result = result_of(*sums);
    });
    return result;
  }

  /// A model of its own takes the GPU's state: the host's may be on its way into a checkpoint.
  Anomaly find_anomaly(const StepKeys& keys) override {
    const auto model = host_.another();
    const auto state = model->state(), mine = host_.state();
    for (std::size_t i = 0; i < state.size(); ++i) std::memcpy(state[i].data, mine[i].data, mine[i].bytes());  // wiring
    or_end([&] { model_->to_host(keys.updates, stream_, state); });
    model->state_loaded();
    return {.of_rank = train::find_anomaly(*model, frames_, augmentation_, plan_, parts_, *order_, keys), .of_sum = {}};
  }

  void to_host(std::int64_t updates) override { model_->to_host(updates, stream_); }
  bool steps_change_host() const override { return false; }
  void from_host() override {
    graph_ = {};
    timed_graph_ = {};
    begun_ = false;
    model_->from_host(stream_);
  }

  std::size_t scored_at_once() const override { return static_cast<std::size_t>(scored_at_once_); }
  void score(std::span<const std::uint32_t> samples, model::Reading reading, std::span<float> out) override {
    const data::DeviceBatch batch = data_->gather(samples, *scored_, stream_);
    model_->logits(batch, reading, scores_.data(), stream_);
    device::copy(out.data(), scores_.data(), out.size_bytes(), stream_);
    stream_.synchronize();
  }

  std::vector<std::pair<std::string, double>> measurements() override {
    const device::MemoryUse ours = device::memory_use(), library = model_->library_memory();
    std::vector<std::pair<std::string, double>> out{{"gpu_memory_bytes", static_cast<double>(ours.now + library.now)},
                                                    {"gpu_memory_peak_bytes", static_cast<double>(ours.peak + library.peak)}};
    if (data_->residency() == data::Residency::shard) out.emplace_back("frames_ms", data_->start_ms());
    if (timed_) {
      for (std::size_t i = 0; i + 1 < marks_.size(); ++i)
        out.emplace_back(cat("step_", kStages[i], "_ms"), marks_[i + 1].milliseconds_since(marks_[i]));
    }
    add_cutting(plan_, out);
    return out;
  }

  std::string describe() const override {
    return cat("on the GPU: ", model_->describe(), "; frames ", data::name_of(data_->residency()),
               !trains()   ? std::string()
               : captures_ ? cat("; a step is one graph",
                                 world_.size() > 1 ? cat(", sums by NCCL over ", world_.size(), " ranks") : std::string())
                           : cat("; steps are not recorded as a graph: ",
                                 shards_ > 0 ? "the canonical reduction adds up on the host" : "sums go through host memory"));
  }

 private:
  bool trains() const { return plan_.training_samples > 0; }
  std::size_t batch_size() const { return static_cast<std::size_t>(plan_.train.batch_size); }
  double inverse_batch() const { return 1.0 / plan_.train.batch_size; }

  static StepResult result_of(const device::StepSums& sums) {
    return {.loss_sum = sums.loss,
            .correct = static_cast<std::int64_t>(sums.correct),
            .nonfinite = sums.nonfinite > 0,
            .wishes = {.save = sums.save > 0, .stop = sums.stop > 0},
            .gradient_norm = sums.gradient_norm};
  }

  /// An error of one rank alone leaves the others in a sum that never ends, and unwinding would wait for it too.
  template <class F>
  void or_end(F work) {
    try {
      work();
    } catch (const std::exception& error) {
      if (world_.size() > 1 && reducer_.available()) world_.abort(error.what(), kExitFailure);
      throw;
    }
  }

  /// Where a step's stages begin and end. What comes after the first micro-batch's forward counts as backward.
  using Marks = std::array<device::Event, 6>;
  static constexpr std::array<const char*, 5> kStages{"data", "forward", "backward", "reduce", "update"};
  void mark(Marks* marks, std::size_t which) {
    if (marks != nullptr) (*marks)[which].record(stream_);
  }

  /// Forward and backward of one part, in micro-batches.
  void pass(int first, int count, Marks* marks, const std::function<void(std::span<float>)>& bucket_done) {
    for (int done = 0; done < count; done += most_) {
      const int some = std::min(most_, count - done);
      const data::DeviceBatch batch = data_->gather(steps_.clock(), first + done, some,
                                                    plan_.augmentation.any() ? &augmentation_ : nullptr, *batch_, stream_);
      if (done == 0) mark(marks, 1);
      model::GpuModel::Hooks hooks;
      if (done == 0 && marks != nullptr) hooks.forward_done = [&] { mark(marks, 2); };
      if (done + some >= count) hooks.bucket_done = bucket_done;
      model_->forward_backward(batch, inverse_batch(), done > 0, steps_.sums(), stream_, hooks);
    }
  }

  /// A step that stays on the GPUs.
  void record(Marks* marks) {
    const bool reduces = world_.size() > 1;
    const device::StreamHandle side = plan_.distributed.overlap ? side_ : stream_;
    std::function<void(std::span<float>)> bucket_done;
    bool sums_on_their_way = false;
    mark(marks, 0);
    if (reduces) {
      bucket_done = [&](std::span<float> bucket) {
        if (bucket.data() == sums_.data() + device::Steps::kPacked) {  // the last one takes the step's sums along
          sums_on_their_way = true;
          steps_.pack(sums_.data(), stream_);
          bucket = sums_.first(device::Steps::kPacked + bucket.size());
        }
        if (plan_.distributed.overlap) {
          ready_.record(stream_);
          device::wait(side, ready_);
        }
        reducer_.all_reduce(bucket.data(), bucket.size(), side);
      };
    }
    pass(0, share_, marks, bucket_done);
    mark(marks, 3);
    if (reduces) {
      if (!sums_on_their_way) throw DeviceError("the model's last bucket of gradients is not the front of GpuPlan::gradients");
      if (plan_.distributed.overlap) {
        reduced_.record(side);
        device::wait(stream_, reduced_);
      }
      steps_.unpack(sums_.data(), stream_);
    }
    mark(marks, 4);
    model_->update(steps_.clock(), steps_.sums(), reduces, stream_);
    mark(marks, 5);
    steps_.end(stream_);
  }

  /// A step whose sums are added up on the host: every part's by itself, in the order of comm/canonical.h.
  void step_through_host(const device::Wishes& wishes) {
    const auto gradients = model_->gradients();
    on_host_.resize(std::max<std::size_t>(1, parts_.size()), std::vector<float>(gradients.size()));
    std::vector<std::array<double, kSums>> sums(parts_.size());
    std::vector<std::span<const float>> gradient_views;
    std::vector<std::span<const double>> sum_views;
    int first = 0;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      device::fill_zero(steps_.sums(), sizeof(device::StepSums), stream_);
      pass(first, static_cast<int>(parts_[p].count), nullptr, [](std::span<float>) {});
      first += static_cast<int>(parts_[p].count);
      device::copy(on_host_[p].data(), gradients.data(), gradients.size_bytes(), stream_);
      device::copy(sums[p].data(), steps_.sums(), sizeof(sums[p]), stream_);
      stream_.synchronize();
      sums[p][kSums - 2] = wishes.save && p == 0;
      sums[p][kSums - 1] = wishes.stop && p == 0;
      gradient_views.emplace_back(on_host_[p]);
      sum_views.emplace_back(sums[p]);
    }
    std::array<double, kSums> reduced{};
    const int shards = parts_in_all(world_, plan_);
    comm::reduce_canonical(world_, sum_views, shards, std::span<double>(reduced));
    comm::reduce_canonical(world_, gradient_views, shards, std::span<float>(on_host_[0]));
    device::copy(steps_.sums(), reduced.data(), sizeof(reduced), stream_);
    device::copy(gradients.data(), on_host_[0].data(), gradients.size_bytes(), stream_);
    model_->update(steps_.clock(), steps_.sums(), /*reduced=*/true, stream_);
    steps_.end(stream_);
    stream_.synchronize();
    const auto report = steps_.report(next_.step);
    if (!report) throw DeviceError(cat("the GPU reported nothing of step ", next_.step));
    result_ = result_of(*report);
  }

  static constexpr std::size_t kSums = device::StepSums::kSummed;
  static_assert(offsetof(device::StepSums, stop) == (kSums - 1) * sizeof(double));

  comm::World& world_;
  model::Model& host_;
  const data::FrameSet& frames_;
  int scored_at_once_;
  EnginePlan plan_;
  data::Augmentation augmentation_;
  int shards_;
  // Their order is that of construction: graphs die before the reducer, buffers after both.
  device::Stream stream_, side_;
  device::Event ready_, reduced_;
  device::Steps steps_;
  std::unique_ptr<model::GpuModel> model_;
  std::optional<data::DeviceBatchBuffer> batch_, scored_;
  std::optional<data::DeviceFrames> data_;
  device::Buffer<float> scores_;
  comm::GpuReducer reducer_;
  std::span<float> sums_;  ///< of the reducer's memory: the step's sums, packed, and behind them the gradients
  Marks marks_{device::Event(true), device::Event(true), device::Event(true),
               device::Event(true), device::Event(true), device::Event(true)};
  device::Graph graph_, timed_graph_;  ///< the same step; the second one, of an epoch's first batch, looks at the clock

  std::vector<data::BatchPart> parts_;
  data::EpochShares shares_;
  const data::EpochOrder* order_ = nullptr;
  int share_ = 0, most_ = 0;  ///< samples of the global batch that are this rank's; of a micro-batch at most
  bool captures_ = false, through_host_ = false, begun_ = false, begun_epoch_ = false, timed_ = false;
  std::vector<float> rates_;  ///< of the epoch's steps
  device::StepClock next_;    ///< what the GPU's clock shows once everything enqueued is done
  std::vector<std::vector<float>> on_host_;
  StepResult result_;
};

}  // namespace

std::unique_ptr<Engine> make_gpu_engine(comm::World& world, const comm::Gpu& gpu, model::Model& model,
                                        const data::FrameSet& frames, const EnginePlan& plan) {
  return std::make_unique<GpuEngine>(world, gpu, model, frames, plan);
}

}  // namespace dltonic::train
