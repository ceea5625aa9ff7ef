/// The engines there are.
#pragma once

#include <functional>

#include "dltonic/comm/gpu.h"
#include "dltonic/train/engine.h"

namespace dltonic::train {

std::unique_ptr<Engine> make_host_engine(comm::World& world, model::Model& model, const data::FrameSet& frames,
                                         const EnginePlan& plan);
/// ConfigError where the model's library has no GPU parts here. collective
std::unique_ptr<Engine> make_gpu_engine(comm::World& world, const comm::Gpu& gpu, model::Model& model,
                                        const data::FrameSet& frames, const EnginePlan& plan);

/// Adds the rate at which training rows were cut from events, where they are.
void add_cutting(const EnginePlan& plan, std::vector<std::pair<std::string, double>>& measurements);

/// The parts of the global batch that this rank computes. ConfigError where they do not fit. Each rank for itself.
std::vector<data::BatchPart> parts_of(const comm::World& world, const EnginePlan& plan);
/// Of how many parts, over all ranks, a step's sums are made: canonical shards, or a part a rank (and then the sums depend on
/// the number of ranks, and on nothing else).
int parts_in_all(const comm::World& world, const EnginePlan& plan);
/// f(part, samples) for each micro-batch of the rank's parts of global batch `batch`, in the order in which gradients add up.
void each_micro_batch(const EnginePlan& plan, std::span<const data::BatchPart> parts, const data::EpochOrder& order,
                      std::uint64_t batch, const std::function<void(std::size_t, std::span<const std::uint32_t>)>& f);

/// The rank's parts of a step once more on CPU cores, by `model` (Model::find_anomaly).
std::string find_anomaly(model::Model& model, const data::FrameSet& frames, const data::Augmentation& augmentation,
                         const EnginePlan& plan, std::span<const data::BatchPart> parts, const data::EpochOrder& order,
                         const StepKeys& keys);

}  // namespace dltonic::train
