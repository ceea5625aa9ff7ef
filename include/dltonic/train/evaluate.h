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
#include "dltonic/train/confusion.h"
#include "dltonic/train/engine.h"

namespace dltonic::train {

/// Of models without gates the hard reading is the soft one. A recording is predicted by the sum of its frames' logits.
struct Evaluation {
  std::int64_t samples = 0, recordings = 0;
  double seconds = 0;
  std::vector<std::pair<std::string, double>> scalars;  ///< by the names of metric_kinds()
  Confusion hard_frames, hard_recordings;

  double scalar(const std::string& name) const;  ///< ConfigError where there is none of that name
  /// Everything, with per-class values and confusion matrices.
  nlohmann::json json(const std::vector<std::string>& classes) const;
};

/// `recordings`: of `frames`; each rank takes whole recordings of its share. A wish to stop on any rank ends it within
/// Engine::scored_at_once() samples: StopError, agreed. collective
Evaluation evaluate(comm::World& world, Engine& engine, const data::FrameSet& frames, std::span<const std::uint32_t> recordings,
                    Progress& progress);

}  // namespace dltonic::train
