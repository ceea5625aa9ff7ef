#include "dltonic/events/filters.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/keep.h"

namespace dltonic::events {
namespace {

constexpr std::int64_t kNever = std::int64_t{-1} << 60;  // far before any time, far from overflowing a difference

std::size_t first_from(const Events& events, std::int64_t time) {
  return static_cast<std::size_t>(std::lower_bound(events.t.begin(), events.t.end(), time) - events.t.begin());
}

}  // namespace

Filters::Filters(const FilterOptions& options, Compat compat, int width, int height)
    : options_(options),
      compat_(compat),
      after_(options.size_after({width, height})),
      width_(static_cast<std::size_t>(width)),
      height_(static_cast<std::size_t>(height)),
      stride_(width_ + 2) {}

std::size_t Filters::apply(Events& events) {
  const FilterOptions& o = options_;
  const std::size_t before = events.size();
  if (o.start_us > 0 || o.end_us > 0) crop_time(events, o.start_us, o.end_us);
  if (o.hot_pixel_hz > 0 || o.hot_pixel_sd > 0) hot_pixels(events, o.hot_pixel_hz, o.hot_pixel_sd);
  if (o.refractory_us > 0) refractory_period(events, o.refractory_us);
  if (o.denoise_us > 0) denoise(events, o.denoise_us);
  if (o.decimation > 1) decimate(events, o.decimation);
  const auto kept = o.crop_of({static_cast<int>(width_), static_cast<int>(height_)});
  if (!kept.empty()) crop(events, kept[0], kept[1], kept[2], kept[3], marks_);
  if (o.downsample > 1) downsample(events, o.downsample);
  if (o.time_step_us > 1) round_times(events, o.time_step_us);
  return before - events.size();
}

void Filters::crop_time(Events& events, std::int64_t start_us, std::int64_t end_us) {
  const std::size_t first = first_from(events, start_us);
  const std::int64_t end = compat_ == Compat::tonic ? end_us + 1 : end_us;
  keep_range(events, first, end_us > 0 ? std::max(first, first_from(events, end)) : events.size());
}

/// place_ of every event, in a pass that the compiler vectorises; marks_ gets room.
void Filters::place_events(const Events& events) {
  const std::size_t n = events.size();
  place_.resize(n);
  marks_.resize(n);
  std::uint32_t* place = place_.data();
  const std::uint16_t *x = events.x.data(), *y = events.y.data();
  const auto stride = static_cast<std::uint32_t>(stride_), first = stride + 1;
  for (std::size_t i = 0; i < n; ++i) place[i] = y[i] * stride + x[i] + first;
}

/// marks_[i] = keeps(place of event i, i), asked in order. Pointers of its own: a store to a byte may alias anything, the
/// vectors' own pointers too.
template <class Keeps>
void Filters::mark_events(Keeps keeps) {
  const std::uint32_t* place = place_.data();
  std::uint8_t* marks = marks_.data();
  for (std::size_t i = 0, n = place_.size(); i < n; ++i) marks[i] = keeps(place[i], i) ? 1 : 0;
}

void Filters::hot_pixels(Events& events, double most_hz, double most_sd) {
  if (events.empty()) return;
  place_events(events);
  counts_.assign((height_ + 2) * stride_, 0);
  for (const std::uint32_t place : place_) ++counts_[place];
  double most = std::numeric_limits<double>::infinity();
  const std::uint32_t duration_us = events.t.back() - events.t.front();
  if (most_hz > 0 && (duration_us > 0 || compat_ == Compat::tonic)) most = most_hz * duration_us * 1e-6;
  if (most_sd > 0) {
    double pixels = 0, sum = 0, squares = 0;
    for (const std::uint32_t count : counts_) {
      pixels += count > 0;
      sum += count;
      squares += static_cast<double>(count) * count;
    }
    const double mean = sum / pixels;
    most = std::min(most, mean + most_sd * std::sqrt(std::max(0.0, squares / pixels - mean * mean)));
  }
  mark_events([&, counts = counts_.data()](std::uint32_t place, std::size_t) { return counts[place] <= most; });
  keep_marked(events, marks_);
}

void Filters::refractory_period(Events& events, std::int64_t delta_us) {
  const bool tonic = compat_ == Compat::tonic;
  place_events(events);
  last_.assign((height_ + 2) * stride_, tonic ? -delta_us : kNever);
  mark_events([=, lasts = last_.data(), time = events.t.data()](std::uint32_t place, std::size_t i) {
    const std::int64_t t = time[i], last = lasts[place];
    const bool keeps = t - last > delta_us;
    lasts[place] = keeps || tonic ? t : last;
    return keeps;
  });
  keep_marked(events, marks_);
}

/// until[pixel] = t + filter_us for the last event of the pixel, which must fit Time; 0: it has not fired.
template <class Time>
void Filters::denoise_in(std::vector<Time>& until, Events& events, std::int64_t filter_us) {
  until.assign((height_ + 2) * stride_, 0);
  if (compat_ == Compat::tonic) {
    // Tonic's memory covers the events' bounding box from (0, 0) and starts as if all of it had fired at time 0.
    const std::size_t box_width = *std::max_element(events.x.begin(), events.x.end()) + std::size_t{1};
    const std::size_t box_height = *std::max_element(events.y.begin(), events.y.end()) + std::size_t{1};
    for (std::size_t y = 1; y <= box_height; ++y)
      std::fill_n(until.begin() + static_cast<std::ptrdiff_t>(y * stride_ + 1), box_width, static_cast<Time>(filter_us));
  }
  const auto stride = static_cast<std::ptrdiff_t>(stride_);
  const auto filter = static_cast<Time>(filter_us);
  mark_events([=, all = until.data(), time = events.t.data()](std::uint32_t place, std::size_t i) {
    Time* pixel = all + place;
    const Time t = time[i];
    *pixel = t + filter;
    return t < std::max(std::max(pixel[-1], pixel[1]), std::max(pixel[-stride], pixel[stride]));
  });
}

void Filters::denoise(Events& events, std::int64_t filter_us) {
  if (events.empty()) return;
  place_events(events);
  const std::int64_t last = events.t.back() + filter_us;
  if (last <= std::numeric_limits<std::uint32_t>::max()) denoise_in(until_, events, filter_us);
  else denoise_in(until_long_, events, filter_us);
  keep_marked(events, marks_);
}

void Filters::decimate(Events& events, int n) {
  place_events(events);
  counts_.assign((height_ + 2) * stride_, 0);
  const auto every = static_cast<std::uint32_t>(n);
  mark_events([=, counts = counts_.data()](std::uint32_t place, std::size_t) {
    const std::uint32_t count = counts[place] + 1;
    counts[place] = count == every ? 0 : count;
    return count == every;
  });
  keep_marked(events, marks_);
}

void crop(Events& events, int x, int y, int width, int height, std::vector<std::uint8_t>& marks) {
  const auto n = events.size();
  marks.resize(n);
  std::uint16_t *xs = events.x.data(), *ys = events.y.data();
  std::uint8_t* mark = marks.data();
  for (std::size_t i = 0; i < n; ++i) {
    const int left = xs[i] - x, top = ys[i] - y;
    mark[i] = static_cast<std::uint8_t>(left >= 0) & static_cast<std::uint8_t>(left < width) &
              static_cast<std::uint8_t>(top >= 0) & static_cast<std::uint8_t>(top < height);
    xs[i] = static_cast<std::uint16_t>(left);
    ys[i] = static_cast<std::uint16_t>(top);
  }
  keep_marked(events, marks);
}

void downsample(Events& events, int factor) {
  const auto by = static_cast<std::uint16_t>(factor);
  for (std::uint16_t& x : events.x) x = static_cast<std::uint16_t>(x / by);
  for (std::uint16_t& y : events.y) y = static_cast<std::uint16_t>(y / by);
}

void round_times(Events& events, std::int64_t step_us) {
  for (std::uint32_t& t : events.t) t = static_cast<std::uint32_t>(t / step_us * step_us);
}

}  // namespace dltonic::events
