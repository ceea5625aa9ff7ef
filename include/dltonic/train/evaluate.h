/// Evaluation of a model on recordings: every sample exactly once on any number of ranks.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/train/engine.h"
#include "dltonic/train/metrics.h"

namespace dltonic::train {

/// What one way of reading the model gives. A recording is predicted by the sum of its frames' logits.
struct ReadingResult {
  double loss = 0;  ///< mean cross entropy a sample
  Confusion frames, recordings;
};

struct Evaluation {
  std::int64_t samples = 0, recordings = 0;
  double seconds = 0;
  ReadingResult soft, hard;  ///< the same for models without gates

  /// Named values, fractions in [0, 1]: accuracy_hard, accuracy_soft, accuracy_hard_recording, accuracy_soft_recording,
  /// precision_macro, recall_macro, f1_macro (of the hard reading, a frame), loss (soft), loss_hard.
  std::vector<std::pair<std::string, double>> scalars() const;
  double scalar(const std::string& name) const;
  /// Everything, with per-class values and confusion matrices.
  nlohmann::json json(const std::vector<std::string>& classes) const;
};

/// `recordings`: of `frames`; each rank takes whole recordings of its share. collective
Evaluation evaluate(comm::World& world, Engine& engine, const data::FrameSet& frames, std::span<const std::uint32_t> recordings,
                    Progress& progress);

}  // namespace dltonic::train
