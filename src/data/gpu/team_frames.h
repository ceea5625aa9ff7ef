/// Bit frames of a recording by a team of threads: what events::FrameMaker::append_rows() does for modes time_bins and
/// event_bins without Tonic's semantics, bit for bit.
#pragma once

#include <cstdint>

#include "data/gpu/team_columns.h"
#include "dltonic/events/frames.h"

namespace dltonic::data {

struct TeamFrames {
  events::FrameValues values = events::FrameValues::bits;
  bool plain = true;    ///< one level: any event
  bool by_time = true;  ///< time_bins; else event_bins
  bool merged = false;  ///< polarities
  int bins = 1, downsample = 1;
  int width = 0, height = 0;  ///< of the frame
  int levels = 1;
  const std::uint64_t* limits = nullptr;  ///< [level], as FrameMaker compares them
  std::uint32_t features = 0;

  DLTONIC_EVERYWHERE std::uint32_t plane() const {
    return static_cast<std::uint32_t>(width) * static_cast<std::uint32_t>(height);
  }
  DLTONIC_EVERYWHERE std::uint32_t places() const { return plane() * (merged ? 1 : 2); }
};

DLTONIC_EVERYWHERE inline std::uint32_t place_of(const TeamFrames& f, const OneEvent& e) {
  const auto by = static_cast<std::uint32_t>(f.downsample);
  const std::uint32_t pixel = e.y / by * static_cast<std::uint32_t>(f.width) + e.x / by;
  return pixel + (e.p != 0 && !f.merged ? f.plane() : 0);
}

/// When a recording of n events begins, and how long it is: 1 at least.
struct Duration {
  std::uint32_t first = 0, span = 1;
};
DLTONIC_EVERYWHERE inline Duration duration_of(const std::uint32_t* t, std::uint32_t n) {
  if (n == 0) return {};
  return {t[0], t[n - 1] > t[0] ? t[n - 1] - t[0] : 1};
}

/// Where event i of n lies, `since` the recording's first; `span` is the recording's.
DLTONIC_EVERYWHERE inline std::uint32_t bin_of(const TeamFrames& f, std::uint32_t i, std::uint32_t n, std::uint32_t since,
                                               std::uint32_t span) {
  const auto bins = static_cast<std::uint32_t>(f.bins);
  const std::uint32_t part = f.by_time ? since : i, whole = f.by_time ? span : n;
  const std::uint32_t bin = whole <= 0xFFFFFFFFu / bins
                                ? part * bins / whole  // a quarter of what a division of 64 bits takes a GPU
                                : static_cast<std::uint32_t>(std::uint64_t{part} * bins / whole);
  return bin < bins ? bin : bins - 1;
}

/// The end of bin k: 1 + its last microsecond since the recording's first event.
DLTONIC_EVERYWHERE inline std::uint64_t end_of(const TeamFrames& f, const std::uint32_t* t, std::uint32_t n, std::uint32_t k) {
  if (n == 0) return 1;
  const auto bins = static_cast<std::uint64_t>(f.bins);
  const std::uint64_t first = t[0], span = duration_of(t, n).span;
  if (f.by_time) return k + 1 < bins ? ((k + 1) * span + bins - 1) / bins : t[n - 1] - first + 1;
  const std::uint64_t end = ((k + std::uint64_t{1}) * n + bins - 1) / bins;
  return end > 0 ? t[end - 1] - first + 1 : 1;
}

/// values[bin][polarity][y][x], zero before: numbers of events, times or voxel sums, as FrameMaker keeps them.
template <class Team>
DLTONIC_EVERYWHERE void add_values(Team& team, const Columns& c, std::uint32_t n, const TeamFrames& f, std::uint32_t* values) {
  using events::FrameValues;
  constexpr auto kUnit = static_cast<std::uint64_t>(events::FrameMaker::kVoxelUnit);
  const std::uint32_t places = f.places();
  const Duration all = duration_of(c.t, n);
  each(team, n, [&](std::uint32_t i) {
    const OneEvent event = get(c, i);
    const std::uint32_t since = event.t - all.first, place = place_of(f, event);
    if (f.values == FrameValues::voxel) {
      const std::uint64_t time = std::uint64_t{since} * static_cast<std::uint64_t>(f.bins - 1) * kUnit / all.span;
      const auto at = static_cast<std::uint32_t>(time / kUnit), part = static_cast<std::uint32_t>(time % kUnit);
      team.add(values + std::size_t{at} * places + place, static_cast<std::uint32_t>(kUnit) - part);
      if (part > 0) team.add(values + (std::size_t{at} + 1) * places + place, part);
      return;
    }
    std::uint32_t* const value = values + std::size_t{bin_of(f, i, n, since, all.span)} * places + place;
    if (f.values == FrameValues::bits || f.values == FrameValues::counts) team.add(value, 1);
    else team.raise(value, since + (since < 0xFFFFFFFFu ? 1 : 0));
  });
  team.sync();
  if (f.values == FrameValues::time_surface) {  // an event of an earlier bin still counts
    each(team, places, [&](std::uint32_t place) {
      std::uint32_t latest = 0;
      for (int k = 0; k < f.bins; ++k) {
        std::uint32_t& value = values[static_cast<std::size_t>(k) * places + place];
        latest = value > latest ? value : latest;
        value = latest;
      }
    });
    team.sync();
  }
}

/// Whether feature number `feature` is set.
DLTONIC_EVERYWHERE inline bool reaches(const TeamFrames& f, const std::uint32_t* t, std::uint32_t n,
                                       const std::uint32_t* values, std::uint32_t feature) {
  using events::FrameValues;
  const std::uint32_t plane = f.plane(), channel = feature / plane, pixel = feature % plane;
  const auto levels = static_cast<std::uint32_t>(f.levels), polarities = f.merged ? 1u : 2u;
  const std::uint32_t level = channel % levels, polarity = channel / levels % polarities, bin = channel / levels / polarities;
  const std::uint32_t* const of_bin = values + std::size_t{bin} * f.places();
  const std::uint32_t found = of_bin[polarity * plane + pixel];
  std::uint64_t bound = f.limits[level], value = found;
  if (f.values == FrameValues::voxel) {
    const std::uint32_t against = f.merged ? 0 : of_bin[(1 - polarity) * plane + pixel];
    value = found > against ? found - against : 0;
  } else if (f.values == FrameValues::recency || f.values == FrameValues::time_surface) {
    const std::uint64_t end = end_of(f, t, n, bin);
    bound = end > bound ? end - bound : 1;
  }
  return value >= bound;
}

/// The row of a recording. `values`: as add_values() wants them, not yet zero; null where f.plain.
template <class Team>
DLTONIC_EVERYWHERE void make_row(Team& team, const Columns& c, std::uint32_t n, const TeamFrames& f, std::uint32_t* values,
                                 std::uint32_t* row, std::uint32_t row_words) {
  if (f.plain) {
    each(team, row_words, [&](std::uint32_t w) { row[w] = 0; });
    const std::uint32_t places = f.places();
    const Duration all = duration_of(c.t, n);
    team.sync();
    each(team, n, [&](std::uint32_t i) {
      const OneEvent event = get(c, i);
      const std::uint32_t feature = bin_of(f, i, n, event.t - all.first, all.span) * places + place_of(f, event);
      team.set_bits(row + feature / 32, 1u << (feature % 32));
    });
  } else {
    each(team, static_cast<std::uint32_t>(f.bins) * f.places(), [&](std::uint32_t i) { values[i] = 0; });
    team.sync();
    add_values(team, c, n, f, values);
    each(team, row_words, [&](std::uint32_t w) {
      std::uint32_t bits = 0;
      for (std::uint32_t b = 0; b < 32; ++b) {
        const std::uint32_t feature = w * 32 + b;
        if (feature < f.features && reaches(f, c.t, n, values, feature)) bits |= 1u << b;
      }
      row[w] = bits;
    });
  }
  team.sync();
}

}  // namespace dltonic::data
