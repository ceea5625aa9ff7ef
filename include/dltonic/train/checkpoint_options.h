/// When checkpoints are made, and which of them are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::train {

struct CheckpointOptions {
  std::string mode = "background";
  int every_epochs = 1;
  int every_steps = 0;
  double every_minutes = 0;
  int keep_last = 2;
  int keep_best = 1;
  int keep_every_epochs = 0;
  int keep_every_steps = 0;
  void bind(config::Section& s);
};

/// The metric that says which checkpoint is the best.
struct Monitor {
  std::string name = "accuracy_hard";
  bool smaller_is_better = false;
};

/// What retention looks at.
struct RetentionEntry {
  std::string name;
  std::int64_t step = 0;
  double epoch = 0;             ///< passes over the training samples; whole at the end of one
  std::optional<double> value;  ///< of the monitored metric, where it was measured for this very state
};

/// Names of those that options give up, oldest first. Kept are the newest keep_last, the keep_best best (among equals the
/// later one), every one whose step or epoch is a multiple of keep_every_*, and those named in `always`. `entries`: newest
/// first.
std::vector<std::string> given_up(std::span<const RetentionEntry> entries, const CheckpointOptions& options,
                                  const Monitor& monitor, std::span<const std::string> always);

}  // namespace dltonic::train
