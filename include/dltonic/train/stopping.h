/// What waits for improvement, and what ends a run before its last epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dltonic/config/section.h"
#include "dltonic/train/metric.h"

namespace dltonic::train {

/// Evaluations since the best one. Its values are reduced over ranks, so every rank counts the same.
struct Patience {
  double best = 0;
  std::int64_t waited = 0;
  std::int64_t seen = 0;  ///< values that were finite; 0: there is no best yet
  /// Takes the value of an evaluation; true where it is an improvement by more than min_delta.
  bool observe(Better better, double value, double min_delta);
};

struct EarlyStoppingOptions {
  int patience = 0;     ///< evaluations; 0: never stops early
  std::string monitor;  ///< "": train.monitor
  std::string mode = "auto";
  double min_delta = 0;
  void bind(config::Section& s);
  Better better() const;  ///< what mode says of the monitored metric
};

/// Seconds until the job is ended from outside: `walltime` as Slurm's --time takes it ("30" minutes, "1:30:00", "2-12:00:00"),
/// counted from now; "" takes the end that Slurm tells its jobs (SLURM_JOB_END_TIME), nothing where there is none. ConfigError.
std::optional<double> walltime_left_s(const std::string& walltime);

}  // namespace dltonic::train
