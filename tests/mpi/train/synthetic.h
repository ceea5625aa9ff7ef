/// A small data set and model for tests of the loop: two frames a recording, classes that bits tell apart.
#pragma once

#include <memory>

#include "dltonic/data/frame_set.h"
#include "dltonic/model/model.h"

namespace dltonic::test {

data::FrameSet synthetic_frames(std::uint32_t recordings);
data::Splits synthetic_splits(const data::FrameSet& frames);
std::unique_ptr<model::Model> synthetic_model(const data::FrameSet& frames, const std::string& kind = "difflogic",
                                              const logic::OptimizerOptions& optimizer = {});
/// Every tensor of the model's state, byte after byte.
std::vector<std::byte> state_bytes(model::Model& model);

}  // namespace dltonic::test
