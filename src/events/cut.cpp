// Where a recording is cut into frames or bins. The default semantics lose no event; Tonic's are kept beside them, each
// formula as in tonic/slicers.py of version 1.7.0 (floating point included, where it decides).
#include <algorithm>
#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/frames.h"

namespace dltonic::events {
namespace {

constexpr std::uint64_t kMostFrames = std::uint64_t{1} << 20;

/// Index of the first event at or after `time` (numpy's searchsorted).
template <class Time>
std::size_t first_at(const Events& events, Time time) {
  const auto at = std::lower_bound(events.t.begin(), events.t.end(), time,
                                   [](std::uint32_t t, Time bound) { return static_cast<Time>(t) < bound; });
  return static_cast<std::size_t>(at - events.t.begin());
}

/// int(overlap·n), as the predecessor and Tonic's users compute it.
std::int64_t overlapped(double overlap, std::int64_t n) { return static_cast<std::int64_t>(overlap * static_cast<double>(n)); }
std::int64_t stride_of(double overlap, std::int64_t n) { return std::max<std::int64_t>(1, n - overlapped(overlap, n)); }

void check_frames(std::uint64_t frames, std::int64_t window_us, std::uint64_t duration_us) {
  if (frames > kMostFrames) {
    throw DataError(cat("a recording of ", duration_us, " us gives ", frames, " frames of ", window_us, " us, more than ",
                        kMostFrames, ": choose a longer window or less overlap"));
  }
}

/// A slice by event numbers: it ends with its last event, an empty one with the event before it.
void push_run(const Events& events, std::size_t begin, std::size_t end, std::vector<Slice>& slices) {
  slices.push_back({begin, end, end > 0 ? events.t[end - 1] : 0});
}

void cut_by_count(const Events& events, const FrameOptions& options, std::vector<Slice>& slices) {
  const std::size_t n = events.size(), length = static_cast<std::size_t>(options.events_per_frame);
  const auto stride = static_cast<std::size_t>(stride_of(options.overlap, options.events_per_frame));
  std::size_t frames = 1;
  if (options.compat_kind() == Compat::none || options.incomplete) {
    if (n > length) frames += (n - length + stride - 1) / stride;
  } else if (n > length) {
    frames += (n - length) / stride;
  }
  for (std::size_t k = 0; k < frames; ++k) push_run(events, k * stride, std::min(n, k * stride + length), slices);
}

void cut_by_window(const Events& events, const FrameOptions& options, std::vector<Slice>& slices) {
  if (events.empty()) {
    slices.push_back({});
    return;
  }
  const std::uint64_t first = events.t.front(), duration = events.t.back() - first;
  const auto window = static_cast<std::uint64_t>(options.window_us);
  const auto stride = static_cast<std::uint64_t>(stride_of(options.overlap, options.window_us));
  std::uint64_t frames = 1;
  if (options.compat_kind() == Compat::none) {
    // Windows are half-open, so the last event needs (frames − 1)·stride > duration − window.
    if (duration >= window) frames = (duration - window) / stride + 2;
  } else if (duration > window) {
    const std::uint64_t past = duration - window;
    frames += options.incomplete ? (past + stride - 1) / stride : past / stride;
  }
  check_frames(frames, options.window_us, duration);
  for (std::uint64_t k = 0; k < frames; ++k) {
    const std::uint64_t begin = first + k * stride;
    slices.push_back({first_at(events, begin), first_at(events, begin + window), begin + window - 1});
  }
}

void cut_by_time_bins(const Events& events, const FrameOptions& options, std::vector<Slice>& slices) {
  const auto bins = static_cast<std::uint64_t>(options.bins);
  if (events.empty()) {
    slices.resize(bins);
    return;
  }
  const std::uint64_t first = events.t.front(), duration = events.t.back() - first;
  if (options.compat_kind() == Compat::tonic) {
    const double window = static_cast<double>(duration / bins) * (1 + options.overlap);
    const double stride = window * (1 - options.overlap);
    for (std::uint64_t k = 0; k < bins; ++k) {
      const double begin = static_cast<double>(k) * stride + static_cast<double>(first), end = begin + window;
      slices.push_back(
          {first_at(events, begin), first_at(events, end), static_cast<std::uint64_t>(std::max(1.0, std::ceil(end)) - 1)});
    }
    return;
  }
  // floor(bins·(t − t0)/span) ≥ k just where t − t0 ≥ ceil(k·span/bins); bin bins−1 takes the rest.
  const std::uint64_t span = std::max<std::uint64_t>(1, duration);
  std::size_t begin = 0;
  for (std::uint64_t k = 1; k < bins; ++k) {
    const std::uint64_t next_us = first + (k * span + bins - 1) / bins;
    const std::size_t end = first_at(events, next_us);
    slices.push_back({begin, end, next_us - 1});
    begin = end;
  }
  slices.push_back({begin, events.size(), events.t.back()});
}

void cut_by_event_bins(const Events& events, const FrameOptions& options, std::vector<Slice>& slices) {
  const std::size_t n = events.size(), bins = static_cast<std::size_t>(options.bins);
  if (options.compat_kind() == Compat::tonic) {
    const auto length = static_cast<std::size_t>(static_cast<double>(n / bins) * (1 + options.overlap));
    const auto stride = static_cast<std::size_t>(static_cast<double>(length) * (1 - options.overlap));
    for (std::size_t k = 0; k < bins; ++k) push_run(events, std::min(n, k * stride), std::min(n, k * stride + length), slices);
    return;
  }
  // floor(i·bins/n) ≥ k just where i ≥ ceil(k·n/bins).
  for (std::size_t k = 0; k < bins; ++k) push_run(events, (k * n + bins - 1) / bins, ((k + 1) * n + bins - 1) / bins, slices);
}

}  // namespace

void cut(const Events& events, const FrameOptions& options, std::vector<Slice>& slices) {
  slices.clear();
  switch (options.frame_mode()) {
    case FrameMode::event_count:
      cut_by_count(events, options, slices);
      break;
    case FrameMode::time_window:
      cut_by_window(events, options, slices);
      break;
    case FrameMode::time_bins:
      cut_by_time_bins(events, options, slices);
      break;
    case FrameMode::event_bins:
      cut_by_event_bins(events, options, slices);
      break;
  }
}

std::size_t count_samples(const Events& events, const FrameOptions& options) {
  const FrameMode mode = options.frame_mode();
  if (mode == FrameMode::time_bins || mode == FrameMode::event_bins) return 1;
  std::vector<Slice> slices;
  cut(events, options, slices);
  return slices.size();
}

}  // namespace dltonic::events
