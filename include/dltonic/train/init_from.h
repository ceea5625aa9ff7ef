/// Transfer learning: training begins with the weights of another run. Counters, moments and the order of samples start
/// anew, and the configuration is this run's own: only names and shapes must fit. Not the same as going on (--resume).
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/tensor_view.h"

namespace dltonic::train {

/// The checkpoint that `from` names: a checkpoint's folder, or a run (a folder, or a name that is looked for in `runs`, in
/// order), then ":best", ":latest", ":step-<n>", ":@<time>"; best where nothing is said, latest where there is no best.
/// ConfigError. Any rank, alone.
std::filesystem::path find_checkpoint(const std::string& from, std::span<const std::filesystem::path> runs);

/// Reads weights and wiring (all of the model, or those of `layers`) from `checkpoint` into `state`, the views of the
/// model. Returns the names of what was taken. DataError with all differences where a shape does not fit or a tensor is
/// missing, ConfigError for a layer that the model has not. collective
std::vector<std::string> take_weights(comm::World& world, const std::filesystem::path& checkpoint,
                                      std::span<const TensorView> state, const std::vector<std::string>& layers);

}  // namespace dltonic::train
