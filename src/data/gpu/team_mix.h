/// Two recordings in one by a team of threads: what events::event_mix() and events::cut_mix() do, bit for bit.
#pragma once

#include <cstdint>
#include <cstring>

#include "data/gpu/team_augment.h"
#include "dltonic/events/augment_mix.h"

namespace dltonic::data {

/// Events of `first` outside and of `second` inside of what is mixed, in order of time, to `out`. inside(event, since):
/// whether an event, `since` us after its recording's first, lies inside. Returns how many of the first one stayed; n: of all.
template <class Team, class Inside>
DLTONIC_EVERYWHERE std::uint32_t join(Team& team, const TeamEvents& first, const TeamEvents& second, const Columns& out,
                                      std::uint32_t& n, Inside inside) {
  const std::uint32_t zero = first.n > 0 ? first.now.t[0] : 0, second_zero = second.n > 0 ? second.now.t[0] : 0;
  team.sync();
  const std::uint32_t stayed =
      keep_if(team, first.now, first.n, [&](std::uint32_t, const OneEvent& event) { return !inside(event, event.t - zero); });
  const std::uint32_t came = keep_if(team, second.now, second.n, [&](std::uint32_t, OneEvent& event) {
    const std::uint32_t since = event.t - second_zero;
    const bool stays = inside(event, since);
    const std::uint64_t moved = std::uint64_t{zero} + since;
    event.t = moved > 0xFFFFFFFFu ? 0xFFFFFFFFu : static_cast<std::uint32_t>(moved);
    return stays;
  });
  merge(team, first.now, stayed, second.now, came, out);
  n = stayed + came;
  return stayed;
}

/// cells: as MixMask::cells(). densities: memory for as many.
template <class Team>
DLTONIC_EVERYWHERE void fill_mask(Team& team, const events::MixShape& shape, std::uint32_t* densities, std::uint8_t* cells) {
  constexpr std::uint32_t kCells = events::MixShape::kCells;
  each(team, kCells, [&](std::uint32_t i) {  // read by this thread alone
    const float density = shape.density(static_cast<int>(i));
    memcpy(&densities[i], &density, sizeof density);
  });
  std::uint32_t threshold = 0;
  for (std::uint32_t bit = 1u << 30; bit > 0; bit >>= 1) {
    std::uint32_t reach = 0;
    each(team, kCells, [&](std::uint32_t i) { reach += densities[i] >= (threshold | bit) ? 1 : 0; });
    if (team.sum(reach) >= shape.wanted) threshold |= bit;
  }
  each(team, kCells, [&](std::uint32_t i) { cells[i] = shape.wanted > 0 && densities[i] >= threshold ? 1 : 0; });
  team.sync();
}

/// cells: MixMask::cells(). Returns the share of the first one's label.
template <class Team>
DLTONIC_EVERYWHERE double event_mix(Team& team, const TeamEvents& first, const TeamEvents& second, const std::uint8_t* cells,
                                    const TeamDraws& d, const Columns& out, std::uint32_t& n) {
  constexpr int kSide = events::MixMask::kSide;
  const auto scale_x = static_cast<std::uint32_t>((kSide << 16) / d.width);
  const auto scale_y = static_cast<std::uint32_t>((kSide << 16) / d.height);
  const std::uint32_t one = first.n > 0 ? first.now.t[first.n - 1] - first.now.t[0] : 0;
  const std::uint32_t other = second.n > 0 ? second.now.t[second.n - 1] - second.now.t[0] : 0;
  const float scale_t = kSide / (static_cast<float>(one > other ? one : other) + 1);
  const std::uint32_t stayed = join(team, first, second, out, n, [&](const OneEvent& event, std::uint32_t since) {
    const std::uint32_t x = event.x * scale_x >> 16, y = event.y * scale_y >> 16;
    const int at = static_cast<int>(static_cast<float>(since) * scale_t), t = at < kSide ? at : kSide - 1;
    return cells[(static_cast<std::uint32_t>(t) * kSide + y) * kSide + x] == 1;
  });
  return n > 0 ? static_cast<double>(stayed) / static_cast<double>(n) : 1;
}

template <class Team>
DLTONIC_EVERYWHERE void cut_mix(Team& team, const TeamEvents& first, const TeamEvents& second, const events::Box& box,
                                const Columns& out, std::uint32_t& n) {
  join(team, first, second, out, n, [&](const OneEvent& event, std::uint32_t) { return lies_in(box, event); });
}

}  // namespace dltonic::data
