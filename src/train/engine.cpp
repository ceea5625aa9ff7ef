#include "dltonic/train/engine.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"
#include "train/engines.h"

namespace dltonic::train {

std::vector<data::BatchPart> parts_of(const comm::World& world, const EnginePlan& plan) {
  const Options& o = plan.train;
  const int shards = plan.distributed.shards(o.batch_size);
  auto parts = data::parts_of_rank(static_cast<std::uint64_t>(o.batch_size), shards, world.rank(), world.size());
  if (shards > 0 && o.micro_batch_size > 0 && (o.batch_size / shards) % o.micro_batch_size != 0) {
    throw ConfigError(cat("train.micro_batch_size is ", o.micro_batch_size, ", which does not divide a canonical shard of ",
                          o.batch_size / shards, " samples; use a divisor of it"));
  }
  return parts;
}

int parts_in_all(const comm::World& world, const EnginePlan& plan) {
  const int shards = plan.distributed.shards(plan.train.batch_size);
  return shards > 0 ? shards : world.size();
}

void each_micro_batch(const EnginePlan& plan, std::span<const data::BatchPart> parts, const data::EpochOrder& order,
                      std::uint64_t batch, const std::function<void(std::size_t, std::span<const std::uint32_t>)>& f) {
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const auto samples = order.samples(batch, parts[p]);
    const int micro = plan.train.micro_batch_size;
    const std::size_t at_once = micro > 0 ? static_cast<std::size_t>(micro) : samples.size();
    for (std::size_t first = 0; first < samples.size(); first += at_once)
      f(p, samples.subspan(first, std::min(at_once, samples.size() - first)));
  }
}

std::string find_anomaly(model::Model& model, const data::FrameSet& frames, const data::Augmentation& augmentation,
                         const EnginePlan& plan, std::span<const data::BatchPart> parts, const data::EpochOrder& order,
                         const StepKeys& keys) {
  const model::StepContext context{1.0 / plan.train.batch_size, plan.train.seed, keys.step};
  std::vector<std::vector<float>> gradients(parts.size(), std::vector<float>(model.gradient_size()));
  data::Batch batch;
  std::string found;
  each_micro_batch(plan, parts, order, keys.batch, [&](std::size_t part, std::span<const std::uint32_t> samples) {
    if (!found.empty()) return;
    data::fill_batch(frames, samples, plan.augmentation.any() ? &augmentation : nullptr, keys.epoch, batch, plan.event_frames);
    found = model.find_anomaly(batch, context, gradients[part]);
  });
  return found;
}

void add_cutting(const EnginePlan& plan, std::vector<std::pair<std::string, double>>& measurements) {
  if (plan.event_frames == nullptr) return;
  const auto work = plan.event_frames->take_work();
  if (work.recordings == 0) return;
  const bool gpu = work.gpu_seconds > 0;
  const double seconds = gpu ? work.gpu_seconds : work.thread_seconds;
  const std::string per = gpu ? "_per_gpu_s" : "_per_thread_s";
  measurements.emplace_back("cut_recordings" + per, static_cast<double>(work.recordings) / seconds);
  measurements.emplace_back("cut_events" + per, static_cast<double>(work.events) / seconds);
}

std::unique_ptr<Engine> make_engine(comm::World& world, model::Model& model, const data::FrameSet& frames,
                                    const EnginePlan& plan) {
  const std::string& wanted = plan.train.device;
  // All ranks compute on GPUs, or none.
  const bool all_see_one = world.sum(static_cast<std::int64_t>(device::count() > 0)) == world.size();
  std::unique_ptr<Engine> engine;
  if (wanted == "gpu" || (wanted == "auto" && all_see_one)) {
    try {
      engine = make_gpu_engine(world, comm::choose_gpu(world, plan.distributed.share_gpu), model, frames, plan);
    } catch (const ConfigError& error) {  // agreed: every rank is here
      if (wanted == "gpu") throw;
      if (world.is_root()) log::warn(cat(error.what(), "; train.device=auto takes CPU cores instead"));
    }
  }
  if (engine == nullptr) {
    if (plan.train.precision == "bfloat16") log::info("train.precision=bfloat16 runs as float32 on CPU cores");
    world.agree("set up steps", [&] { engine = make_host_engine(world, model, frames, plan); });
  }
  log::info(cat("computes ", engine->describe()));
  return engine;
}

}  // namespace dltonic::train
