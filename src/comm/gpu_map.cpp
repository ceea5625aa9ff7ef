#include "comm/gpu_map.h"

#include "dltonic/core/text.h"

namespace dltonic::comm {

std::string first_shared(const GpuMap& map) {
  for (std::size_t rank = 0; rank < map.gpus.size(); ++rank) {
    std::vector<std::string> ranks;
    for (std::size_t other = rank; other < map.gpus.size(); ++other) {
      if (map.gpus[other] == map.gpus[rank]) ranks.push_back(cat(other));
    }
    if (ranks.size() < 2) continue;
    const std::string last = ranks.back();
    ranks.pop_back();
    return cat("ranks ", join(ranks), " and ", last, " share ", map.places[rank]);
  }
  return {};
}

}  // namespace dltonic::comm
