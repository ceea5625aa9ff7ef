/// Who has which GPU, compared between ranks.
#pragma once

#include <string>
#include <vector>

namespace dltonic::comm {

/// What every rank gathers of itself, by rank.
struct GpuMap {
  std::vector<std::string> gpus;    ///< equal where, and only where, two ranks have the same GPU
  std::vector<std::string> places;  ///< "host n1, GPU 0, NVIDIA H100 80GB HBM3, ..."
};

/// "ranks 0 and 1 share host n1, GPU 0, ..." for the first GPU that several ranks have; "" where each has its own.
std::string first_shared(const GpuMap& map);

}  // namespace dltonic::comm
