// From events to several bits or one number a pixel: what a slice's events say of each pixel as one integer, and the integer
// compared with every threshold, or made a number. Ages are kept as the time of the last event, so that a threshold of ages is
// one of times, too.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dltonic/core/error.h"
#include "dltonic/core/half.h"
#include "events/frame_bits.h"

namespace dltonic::events {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
constexpr float kMostHalf = 65504;

/// hit[i] = values[i] >= bound.
void compare(const std::uint32_t* values, std::uint64_t bound, std::size_t n, std::uint8_t* hit) {
  if (bound > kMost) {
    std::fill_n(hit, n, std::uint8_t{0});
    return;
  }
  const auto least = static_cast<std::uint32_t>(bound);
  for (std::size_t i = 0; i < n; ++i) hit[i] = values[i] >= least ? 1 : 0;
}

}  // namespace

/// Calls use(k, end) for each slice, values_ holding what the pixels say at its end: event numbers (end = 0), or 1 + time of
/// the last event since the recording's first, 0 without one, so that its age is end − value.
template <class Use>
void FrameMaker::each_slice(const Events& events, Use use) {
  if (kind_ == FrameValues::voxel) return each_voxel_slice(events, use);
  const std::uint32_t* place = place_.data();
  values_.assign(places_, 0);
  if (kind_ == FrameValues::bits || kind_ == FrameValues::counts) {
    for (std::size_t k = 0; k < slices_.size(); ++k) {
      std::fill(values_.begin(), values_.end(), 0u);
      for (std::size_t i = slices_[k].begin; i < slices_[k].end; ++i) ++values_[place[i]];
      use(k, std::uint64_t{0});
    }
    return;
  }
  const bool remembers = kind_ == FrameValues::time_surface;
  const std::uint32_t first = events.empty() ? 0 : events.t.front();
  std::size_t seen = 0;
  for (std::size_t k = 0; k < slices_.size(); ++k) {
    const Slice slice = slices_[k];
    if (!remembers) std::fill(values_.begin(), values_.end(), 0u);
    for (std::size_t i = remembers ? seen : slice.begin; i < slice.end; ++i) {
      const std::uint32_t since = events.t[i] - first;
      values_[place[i]] = since + (since < kMost ? 1 : 0);
    }
    seen = std::max(seen, slice.end);
    use(k, std::max<std::uint64_t>(slice.last_us, first) - first + 1);
  }
}

/// The same for a voxel grid, whose events fall between two of the times: values_ holds |v| in 1/kVoxelUnit on the plane of
/// its sign. `bins` times from the first event to the last.
template <class Use>
void FrameMaker::each_voxel_slice(const Events& events, Use use) {
  const auto steps = static_cast<std::uint64_t>(options_.bins - 1);
  const std::uint32_t first = events.empty() ? 0 : events.t.front();
  const std::uint64_t span = events.empty() ? 1 : std::max<std::uint64_t>(1, events.t.back() - first);
  values_.assign(places_, 0);
  sums_.assign(places_, 0);
  next_.assign(places_, 0);
  std::uint64_t at = 0;
  const auto finish = [&] {
    const std::size_t plane = merged_ ? 0 : places_ / 2;
    for (std::size_t i = 0; i < places_; ++i) {
      // OFF events lie on the first plane, ON on the second; without polarities nothing is taken away.
      const std::uint64_t against = merged_ ? 0 : sums_[i < plane ? i + plane : i - plane];
      values_[i] = static_cast<std::uint32_t>(std::min(kMost, sums_[i] - std::min(sums_[i], against)));
    }
    use(static_cast<std::size_t>(at), std::uint64_t{0});
    sums_.swap(next_);
    std::fill(next_.begin(), next_.end(), std::uint64_t{0});
    ++at;
  };
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::uint64_t time = (events.t[i] - first) * steps * kVoxelUnit / span;
    while (at < time / kVoxelUnit) finish();
    sums_[place_[i]] += kVoxelUnit - time % kVoxelUnit;
    next_[place_[i]] += time % kVoxelUnit;
  }
  while (at <= steps) finish();
}

void FrameMaker::append_levels(const Events& events, BitMatrix& out, std::size_t first) {
  const bool ages = kind_ == FrameValues::recency || kind_ == FrameValues::time_surface;
  const std::size_t plane = static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_), levels = limits_.size();
  each_slice(events, [&](std::size_t k, std::uint64_t end) {
    std::uint8_t* hit = hit_.data() + (stacked_ ? k * places_ * levels : 0);
    for (std::size_t from = 0; from < places_; from += plane) {
      for (const std::uint64_t limit : limits_) {
        compare(values_.data() + from, !ages ? limit : end > limit ? end - limit : 1, plane, hit);
        hit += plane;
      }
    }
    if (!stacked_) pack_bits(hit_, out.row(first + k));
  });
  if (stacked_) pack_bits(hit_, out.row(first));
}

void FrameMaker::append_numbers(const Events& events, BitMatrix& out, std::size_t first) {
  const bool has_sign = kind_ == FrameValues::voxel && !merged_;
  const std::size_t plane = has_sign ? places_ / 2 : places_;
  each_slice(events, [&](std::size_t k, std::uint64_t end) {
    const auto row = out.row(stacked_ ? first : first + k);
    const std::size_t base = stacked_ ? k * plane : 0;
    const auto put = [&](auto number_of) {
      for (std::size_t i = 0; i < places_; ++i) {
        if (values_[i] == 0) continue;  // most pixels: rows are zero as they come
        const std::uint64_t half = to_half(std::clamp(number_of(i), -kMostHalf, kMostHalf));
        const std::size_t feature = base + (i < plane ? i : i - plane);
        row[feature / 4] |= half << (16 * (feature % 4));
      }
    };
    const auto age = [&](std::size_t i) { return static_cast<double>(end - values_[i]); };
    if (kind_ == FrameValues::time_surface) {
      put([&](std::size_t i) { return std::exp(static_cast<float>(-age(i) / options_.tau_us)); });
    } else if (kind_ == FrameValues::recency) {
      const Slice slice = slices_[k];
      if (slice.begin == slice.end) return;
      const auto span = static_cast<double>(end - (events.t[slice.begin] - events.t.front()));
      put([&](std::size_t i) { return static_cast<float>(1 - age(i) / span); });
    } else if (kind_ == FrameValues::voxel) {  // OFF events lie on the first plane
      const float unit = 1 / static_cast<float>(kVoxelUnit);
      put([&](std::size_t i) { return (has_sign && i < plane ? -unit : unit) * static_cast<float>(values_[i]); });
    } else {
      put([&](std::size_t i) { return static_cast<float>(values_[i]); });
    }
  });
}

void FrameMaker::add_values(const Events& events, ValueHistogram& values) {
  cut(events, options_, slices_);
  place_events(events);
  each_slice(events, [&](std::size_t, std::uint64_t end) {
    for (const std::uint32_t value : values_) {
      if (value > 0) values.add(end > 0 ? end - value : value);
    }
  });
}

}  // namespace dltonic::events
