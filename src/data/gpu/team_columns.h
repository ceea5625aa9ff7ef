/// Events of one recording in the hands of a team of threads: a block of a GPU's, or, in tests, threads of the host. A Team has
///   int thread() const, threads() const        this thread's number and how many there are
///   void sync()                                 all are here; what each wrote before is seen by all after
///   bool any(bool)                              whether it is true for one of them; all are here
///   std::uint32_t before(bool, std::uint32_t& total)   how many threads with a lower number say true, and how many in all; all
///                                               are here
///   std::uint32_t sum(std::uint32_t)            of what all threads say; all are here
///   std::uint32_t near() const, void sync_near() const   as sync(), but of threads whose numbers / near() are equal; near() 0:
///                                               of none
///   std::uint64_t* tile() const, std::uint32_t tile_keys() const   fast memory of the team, and its size, a power of two
///   void set_bits(std::uint32_t*, bits), add(std::uint32_t*, n), raise(std::uint32_t*, n)   atomic or, sum, maximum
/// All threads of a team call each function below with the same arguments. Each begins and ends with all of them seeing the
/// events as they are.
#pragma once

#include <cstdint>

#include "dltonic/core/everywhere.h"

namespace dltonic::data {

struct Columns {
  std::uint16_t *x, *y;
  std::uint32_t* t;
  std::uint8_t* p;
};

struct OneEvent {
  std::uint32_t t;
  std::uint16_t x, y;
  std::uint8_t p;
};

DLTONIC_EVERYWHERE inline OneEvent get(const Columns& c, std::uint32_t i) { return {c.t[i], c.x[i], c.y[i], c.p[i]}; }
DLTONIC_EVERYWHERE inline void put(const Columns& c, std::uint32_t i, const OneEvent& e) {
  c.t[i] = e.t, c.x[i] = e.x, c.y[i] = e.y, c.p[i] = e.p;
}

/// Calls use(i) for each i below n, by any of the threads.
template <class Team, class Use>
DLTONIC_EVERYWHERE void each(const Team& team, std::uint32_t n, Use use) {
  for (auto i = static_cast<std::uint32_t>(team.thread()); i < n; i += static_cast<std::uint32_t>(team.threads())) use(i);
}

/// Events whose change(i, event) is true stay, changed, in their order. Returns how many.
template <class Team, class Change>
DLTONIC_EVERYWHERE std::uint32_t keep_if(Team& team, const Columns& c, std::uint32_t n, Change change) {
  std::uint32_t kept = 0;
  for (std::uint32_t base = 0; base < n; base += static_cast<std::uint32_t>(team.threads())) {
    const std::uint32_t i = base + static_cast<std::uint32_t>(team.thread());
    OneEvent event{};
    bool stays = false;
    if (i < n) {
      event = get(c, i);
      stays = change(i, event);
    }
    std::uint32_t total = 0;
    const std::uint32_t place = kept + team.before(stays, total);  // all have read what is overwritten now
    if (stays) put(c, place, event);
    kept += total;
  }
  team.sync();
  return kept;
}

/// A step of a bitonic sort (Batcher 1968) whose comparisons all rise, so that n may be any number. Of two keys that lie
/// `step` apart, the smaller comes first; `mirrored`: of two that lie alike from the ends of 2 · step keys, each half of
/// which rises. `next`: what `step` will be in the next call; 0: keys are used otherwise.
template <class Team>
DLTONIC_EVERYWHERE void compare_pairs(Team& team, std::uint64_t* keys, std::uint32_t n, std::uint32_t step, bool mirrored,
                                      std::uint32_t next) {
  each(team, ((n + 2 * step - 1) & ~(2 * step - 1)) / 2, [&](std::uint32_t pair) {
    const std::uint32_t within = pair & (step - 1), begin = 2 * (pair - within), low = begin + within;
    const std::uint32_t high = mirrored ? begin + 2 * step - 1 - within : low + step;
    if (high >= n) return;
    const std::uint64_t a = keys[low], b = keys[high];
    if (a > b) keys[low] = b, keys[high] = a;
  });
  // Near threads have pairs of the same keys in steps up to their number.
  if (next > 0 && step <= team.near() && next <= team.near()) team.sync_near();
  else team.sync();
}

/// Ascending; keys differ. Steps that stay within a tile are done there.
template <class Team>
DLTONIC_EVERYWHERE void sort_keys(Team& team, std::uint64_t* keys, std::uint32_t n) {
  const std::uint32_t tile = team.tile_keys();
  std::uint64_t* const in_tile = team.tile();
  // Each tile's keys by sort(count), in the tile.
  const auto each_tile = [&](auto sort) {
    for (std::uint32_t first = 0; first < n; first += tile) {
      const std::uint32_t count = n - first < tile ? n - first : tile;
      each(team, count, [&](std::uint32_t i) { in_tile[i] = keys[first + i]; });
      team.sync();
      sort(count);
      each(team, count, [&](std::uint32_t i) { keys[first + i] = in_tile[i]; });
      team.sync();
    }
  };
  each_tile([&](std::uint32_t count) {
    for (std::uint32_t half = 1; half < count; half *= 2) {
      for (std::uint32_t step = half; step > 0; step /= 2)
        compare_pairs(team, in_tile, count, step, step == half, step > 1 ? step / 2 : 2 * half < count ? 2 * half : 0);
    }
  });
  for (std::uint32_t half = tile; half < n; half *= 2) {
    for (std::uint32_t step = half; step >= tile; step /= 2) compare_pairs(team, keys, n, step, step == half, 0);
    each_tile([&](std::uint32_t count) {
      for (std::uint32_t step = tile / 2; step > 0; step /= 2) compare_pairs(team, in_tile, count, step, false, step / 2);
    });
  }
}

/// The events in the order of sorted keys, time << 32 | number, to `out`.
template <class Team>
DLTONIC_EVERYWHERE void gather(Team& team, const Columns& c, const std::uint64_t* keys, std::uint32_t n, const Columns& out) {
  each(team, n, [&](std::uint32_t i) {
    OneEvent event = get(c, static_cast<std::uint32_t>(keys[i]));
    event.t = static_cast<std::uint32_t>(keys[i] >> 32);
    put(out, i, event);
  });
  team.sync();
}

/// How many of n times, which do not decrease, lie before `time` (`with`: or at it).
DLTONIC_EVERYWHERE inline std::uint32_t times_before(const std::uint32_t* t, std::uint32_t n, std::uint32_t time, bool with) {
  std::uint32_t low = 0, high = n;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (t[middle] < time || (with && t[middle] == time)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// Two recordings in order of time, those of `a` before those of `b` where times are equal, to `out`.
template <class Team>
DLTONIC_EVERYWHERE void merge(Team& team, const Columns& a, std::uint32_t of_a, const Columns& b, std::uint32_t of_b,
                              const Columns& out) {
  each(team, of_a, [&](std::uint32_t i) { put(out, i + times_before(b.t, of_b, a.t[i], false), get(a, i)); });
  each(team, of_b, [&](std::uint32_t i) { put(out, i + times_before(a.t, of_a, b.t[i], true), get(b, i)); });
  team.sync();
}

}  // namespace dltonic::data
