/// What each rank's process and GPU use: CPU, memory, files, I/O; the GPU's by NVML.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"

namespace dltonic::train {

class Resources {
 public:
  Resources();  ///< from now on

  /// "rank<r>/cpu_percent" (of one core), "…/memory_bytes" (resident), "…/read_bytes_per_s" and "…/written_bytes_per_s" (that
  /// reached storage), "…/threads", "…/open_files", and where there is a GPU "…/gpu_busy" (share of time),
  /// "…/gpu_memory_used_bytes", "…/gpu_power_w"; rates since the last call. The same on every rank. collective
  std::vector<std::pair<std::string, double>> since_last(comm::World& world);

  /// One line on what all ranks used since the beginning: least to most. collective
  std::string summary(comm::World& world) const;

 private:
  struct Reading {
    double at_s = 0, cpu_s = 0, memory_bytes = 0, peak_bytes = 0, read_bytes = 0, written_bytes = 0, threads = 0, files = 0;
  };
  static Reading read();
  Reading first_, last_;
};

}  // namespace dltonic::train
