/// The engines there are.
#pragma once

#include "dltonic/comm/gpu.h"
#include "dltonic/train/engine.h"

namespace dltonic::train {

std::unique_ptr<Engine> make_host_engine(comm::World& world, model::Model& model, const data::FrameSet& frames,
                                         const EnginePlan& plan);
/// ConfigError where the model's library has no GPU parts here. collective
std::unique_ptr<Engine> make_gpu_engine(comm::World& world, const comm::Gpu& gpu, model::Model& model,
                                        const data::FrameSet& frames, const EnginePlan& plan);

/// The parts of the global batch that this rank computes. ConfigError where they do not fit. Each rank for itself.
std::vector<data::BatchPart> parts_of(const comm::World& world, const EnginePlan& plan);

}  // namespace dltonic::train
