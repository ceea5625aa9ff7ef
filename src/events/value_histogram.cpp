#include "dltonic/events/value_histogram.h"

#include <cmath>
#include <numeric>

namespace dltonic::events {

std::int64_t ValueHistogram::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

ValueHistogram::Range ValueHistogram::at_quantile(double q, bool below) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(total())));
  std::int64_t before = 0;
  std::size_t last = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    if (counts_[bucket] == 0) continue;
    last = bucket;
    if ((below ? before : before + counts_[bucket]) >= wanted) break;
    before += counts_[bucket];
  }
  return range_of(last);
}

}  // namespace dltonic::events
