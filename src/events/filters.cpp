#include "dltonic/events/filters.h"

#include <algorithm>

#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

constexpr std::int64_t kNever = std::int64_t{-1} << 60;  // far before any time, far from overflowing a difference

/// Moves the kept events to the front, in order. `keep(i)` is asked once for every event, in order.
template <class Keep>
void keep_if(Events& events, Keep&& keep) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool keeps = keep(i);
    events.x[kept] = events.x[i];
    events.y[kept] = events.y[i];
    events.t[kept] = events.t[i];
    events.p[kept] = events.p[i];
    kept += keeps ? 1 : 0;
  }
  events.resize(kept);
}

}  // namespace

void FilterOptions::bind(config::Section& section) {
  section.key("denoise_us", denoise_us, "keep an event only if one of its 4 neighbours fired less than this before it; 0: off")
      .unit("us")
      .min(0);
  section.key("refractory_us", refractory_us, "drop events of a pixel up to this time after its last one; 0: off")
      .unit("us")
      .min(0);
}

std::string FilterOptions::describe() const { return cat("refractory_us=", refractory_us, " denoise_us=", denoise_us); }

Filters::Filters(const FilterOptions& options, Compat compat, int width, int height)
    : options_(options),
      compat_(compat),
      width_(static_cast<std::size_t>(width)),
      height_(static_cast<std::size_t>(height)),
      last_((width_ + 2) * (height_ + 2)) {}

std::size_t Filters::apply(Events& events) {
  const std::size_t before = events.size();
  if (options_.refractory_us > 0) refractory_period(events, options_.refractory_us);
  if (options_.denoise_us > 0) denoise(events, options_.denoise_us);
  return before - events.size();
}

void Filters::refractory_period(Events& events, std::int64_t delta_us) {
  const bool tonic = compat_ == Compat::tonic;
  std::fill(last_.begin(), last_.end(), tonic ? -delta_us : kNever);
  keep_if(events, [&, this](std::size_t i) {
    std::int64_t& last = last_[events.y[i] * width_ + events.x[i]];
    const std::int64_t t = events.t[i];
    const bool keeps = t - last > delta_us;
    if (keeps || tonic) last = t;
    return keeps;
  });
}

void Filters::denoise(Events& events, std::int64_t filter_us) {
  const std::size_t stride = width_ + 2;  // one pixel of border all around
  std::fill(last_.begin(), last_.end(), kNever);
  if (compat_ == Compat::tonic && !events.empty()) {
    // Tonic's memory covers the events' bounding box from (0, 0) and starts as if all of it had fired at time 0.
    const std::size_t box_width = *std::max_element(events.x.begin(), events.x.end()) + std::size_t{1};
    const std::size_t box_height = *std::max_element(events.y.begin(), events.y.end()) + std::size_t{1};
    for (std::size_t y = 1; y <= box_height; ++y)
      std::fill_n(last_.begin() + static_cast<std::ptrdiff_t>(y * stride + 1), box_width, 0);
  }
  keep_if(events, [&, this](std::size_t i) {
    std::int64_t* last = last_.data() + (events.y[i] + std::size_t{1}) * stride + events.x[i] + 1;
    const std::int64_t t = events.t[i];
    *last = t;
    const std::int64_t nearest = std::max(std::max(last[-1], last[1]), std::max(*(last - stride), last[stride]));
    return t - nearest < filter_us;
  });
}

}  // namespace dltonic::events
