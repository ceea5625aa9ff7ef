// Thresholds between numbers and the integers that are compared, and how they are fitted.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/frame_bits.h"

namespace dltonic::events {
namespace {

constexpr std::uint64_t kAnyAge = std::numeric_limits<std::uint32_t>::max();

std::uint64_t integer_threshold(const FrameOptions& options, double theta) {
  switch (options.frame_values()) {
    case FrameValues::voxel:
      return static_cast<std::uint64_t>(std::ceil(theta * static_cast<double>(FrameMaker::kVoxelUnit)));
    case FrameValues::recency:
      return static_cast<std::uint64_t>(theta);
    case FrameValues::time_surface: {  // exp(−age/tau) >= theta just where age <= −tau·ln(theta)
      const double age = theta > 0 ? -options.tau_us * std::log(theta) : static_cast<double>(kAnyAge);
      return age < static_cast<double>(kAnyAge) ? static_cast<std::uint64_t>(age) : kAnyAge;
    }
    default:
      return static_cast<std::uint64_t>(std::ceil(theta));
  }
}

/// A number that integer_threshold() makes this of.
double threshold_of(const FrameOptions& options, std::uint64_t limit) {
  const auto value = static_cast<double>(limit);
  switch (options.frame_values()) {
    case FrameValues::voxel:
      return value / static_cast<double>(FrameMaker::kVoxelUnit);
    case FrameValues::time_surface:  // in the middle of the ages that round to it
      return limit >= kAnyAge ? 0 : std::exp(-(value + 0.5) / options.tau_us);
    default:
      return value;
  }
}

}  // namespace

std::vector<std::uint64_t> integer_thresholds(const FrameOptions& options) {
  std::vector<std::uint64_t> limits;
  for (const double theta : options.known_thresholds()) limits.push_back(integer_threshold(options, theta));
  return limits;
}

FrameOptions fit_thresholds(const FrameOptions& options, const ValueHistogram& values) {
  const std::vector<double> quantiles = options.fitted_quantiles();
  if (quantiles.empty()) return options;
  if (values.total() == 0) {
    throw DataError(cat("frames: the thresholds of values ", options.values,
                        " cannot be fitted: no training recording has an event; give data.frames.thresholds"));
  }
  const FrameValues kind = options.frame_values();
  std::vector<std::uint64_t> limits;
  for (const double q : quantiles) {
    if (kind == FrameValues::recency) limits.push_back(q == 1 ? kAnyAge : values.at_quantile(q, false).most);
    else if (kind == FrameValues::time_surface) limits.push_back(q == 0 ? kAnyAge : values.at_quantile(1 - q, false).most);
    else limits.push_back(q == 0 ? 1 : values.at_quantile(q, true).least);
  }
  // A surface's values fall as ages grow: there the list of ages descends.
  const bool descends = kind == FrameValues::time_surface;
  if (descends) std::reverse(limits.begin(), limits.end());
  for (std::size_t i = 1; i < limits.size(); ++i) limits[i] = std::max(limits[i], limits[i - 1] + 1);
  if (descends) std::reverse(limits.begin(), limits.end());
  FrameOptions fitted = options;
  fitted.quantiles.clear();
  for (const std::uint64_t limit : limits) fitted.thresholds.push_back(threshold_of(options, limit));
  return fitted;
}

}  // namespace dltonic::events
