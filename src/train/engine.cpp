#include "dltonic/train/engine.h"

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
