/// Whether a checkpoint fits what a run is about to do with it.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/core/tensor_view.h"

namespace dltonic::train {

/// What must be the same where training goes on: (name, JSON text), such as ("model", {...}), ("wiring", "<sha256>"),
/// ("data", "<key>"). Kept in every manifest. Ranks, device, precision, micro-batch, epochs and logging are no part of it.
using FitFacts = std::vector<std::pair<std::string, std::string>>;

/// sha256 over all wiring of a model's state (its integer tensors); "" where it has none.
std::string wiring_hash(std::span<const TensorView> state);

/// One line a difference, dotted paths: "model.gates: 400 in the checkpoint, 800 here". Looked at is what both name;
/// `allow` holds names that may differ, with all below them ("model", "train.seed").
std::vector<std::string> fit_differences(const std::string& saved, const FitFacts& here, std::span<const std::string> allow);

/// Facts as one JSON object.
std::string fit_text(const FitFacts& facts);

}  // namespace dltonic::train
