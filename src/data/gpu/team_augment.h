/// Augmentation of a recording by a team of threads (team_columns.h): what events::apply() does, bit for bit.
#pragma once

#include <cmath>
#include <cstdint>

#include "data/gpu/team_columns.h"
#include "dltonic/core/bernoulli.h"
#include "dltonic/core/random_fill.h"
#include "dltonic/events/augment_plan.h"
#include "dltonic/events/normal.h"

namespace dltonic::data {

/// Whose random numbers, and what the steps look up.
struct TeamDraws {
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0, recording = 0;
  const std::int32_t* normal = nullptr;  ///< events::NormalTable::table()
  std::uint32_t first_block = 0;         ///< events::EventDraws::kFirstBlock
  int width = 0, height = 0;             ///< of the sensor
};

/// One recording and what a team needs to change it. `now` and `other` change places.
struct TeamEvents {
  Columns now{}, other{};
  std::uint32_t n = 0;
  std::uint64_t* keys = nullptr;   ///< null where no step sorts
  std::uint32_t* words = nullptr;  ///< [event / 32]; null where no step drops single events

  DLTONIC_EVERYWHERE void turn() {
    const Columns was = now;
    now = other;
    other = was;
  }
};

DLTONIC_EVERYWHERE inline std::uint32_t word_of(const TeamDraws& d, Use use, std::uint32_t i) {
  return random_word(d.seed, use, d.epoch, d.recording, d.first_block, i);
}
DLTONIC_EVERYWHERE inline std::int32_t clamped(std::int64_t value, std::int64_t low, std::int64_t high) {
  return static_cast<std::int32_t>(value < low ? low : value > high ? high : value);
}
DLTONIC_EVERYWHERE inline bool lies_in(const events::Box& box, const OneEvent& e) {
  return e.x >= box.x && e.x < box.x + box.width && e.y >= box.y && e.y < box.y + box.height;
}

template <class Team>
DLTONIC_EVERYWHERE void skew_time(Team& team, TeamEvents& e, double factor) {
  const double within = factor < 0 ? 0 : factor > 65535 ? 65535 : factor;
  const auto times = static_cast<std::uint32_t>(llround(within * 65536));
  const std::uint32_t first = e.now.t[0];
  team.sync();
  each(team, e.n, [&](std::uint32_t i) {
    const std::uint64_t moved = first + ((std::uint64_t{e.now.t[i] - first} * times + 32768) >> 16);
    e.now.t[i] = moved > 0xFFFFFFFFu ? 0xFFFFFFFFu : static_cast<std::uint32_t>(moved);
  });
  team.sync();
}

template <class Team>
DLTONIC_EVERYWHERE void reverse_time(Team& team, TeamEvents& e) {
  const std::uint32_t ends = e.now.t[0] + e.now.t[e.n - 1];
  each(team, e.n, [&](std::uint32_t i) {
    const OneEvent event = get(e.now, e.n - 1 - i);
    put(e.other, i, {ends - event.t, event.x, event.y, static_cast<std::uint8_t>(event.p ^ 1u)});
  });
  team.sync();
  e.turn();
}

/// Drops a span of time; `closes`: what follows moves up.
template <class Team>
DLTONIC_EVERYWHERE void drop_span(Team& team, TeamEvents& e, const events::PlannedStep& step, bool closes) {
  const std::uint32_t first = e.now.t[0];
  const events::Span span = events::span_of(step.value, step.word, e.now.t[e.n - 1] - first);
  const std::uint64_t begin = std::uint64_t{first} + span.start_us, end = begin + span.length_us;
  team.sync();
  e.n = keep_if(team, e.now, e.n, [&](std::uint32_t, OneEvent& event) {
    const bool after = event.t >= end, stays = event.t < begin || after;
    if (closes && after) event.t -= span.length_us;
    return stays;
  });
}

template <class Team>
DLTONIC_EVERYWHERE void jitter_time(Team& team, TeamEvents& e, const events::PlannedStep& step, const TeamDraws& d) {
  const auto scale = static_cast<float>(step.value / 65536);
  each(team, e.n, [&](std::uint32_t i) {
    const std::int32_t by = events::NormalTable::rounded(events::NormalTable::normal(word_of(d, step.use, i), d.normal), scale);
    const std::int64_t time = std::int64_t{e.now.t[i]} + by;
    const std::uint64_t inside = time < 0 ? 0 : time > 0xFFFFFFFFLL ? 0xFFFFFFFFu : static_cast<std::uint64_t>(time);
    e.keys[i] = inside << 32 | i;
  });
  sort_keys(team, e.keys, e.n);
  gather(team, e.now, e.keys, e.n, e.other);
  e.turn();
}

template <class Team>
DLTONIC_EVERYWHERE void map_linear(Team& team, TeamEvents& e, const events::LinearMap& map, const TeamDraws& d) {
  const auto xx = static_cast<std::int32_t>(lround(map.xx * 65536)), xy = static_cast<std::int32_t>(lround(map.xy * 65536)),
             yx = static_cast<std::int32_t>(lround(map.yx * 65536)), yy = static_cast<std::int32_t>(lround(map.yy * 65536));
  const std::int32_t last_x = d.width - 1, last_y = d.height - 1;
  e.n = keep_if(team, e.now, e.n, [&](std::uint32_t, OneEvent& event) {
    const std::int32_t x = 2 * event.x - last_x, y = 2 * event.y - last_y;
    const std::int32_t to_x = (xx * x + xy * y + last_x * 65536 + 65536) >> 17;
    const std::int32_t to_y = (yx * x + yy * y + last_y * 65536 + 65536) >> 17;
    event.x = static_cast<std::uint16_t>(to_x);
    event.y = static_cast<std::uint16_t>(to_y);
    return to_x >= 0 && to_x < d.width && to_y >= 0 && to_y < d.height;
  });
}

template <class Team>
DLTONIC_EVERYWHERE void jitter_place(Team& team, TeamEvents& e, const events::PlannedStep& step, const TeamDraws& d) {
  const auto scale = static_cast<float>(step.value / 65536);
  const auto by = [&](std::uint32_t word) {
    return events::NormalTable::rounded(events::NormalTable::normal(word_of(d, step.use, word), d.normal), scale);
  };
  each(team, e.n, [&](std::uint32_t i) {
    e.now.x[i] = static_cast<std::uint16_t>(clamped(e.now.x[i] + by(i), 0, d.width - 1));
    e.now.y[i] = static_cast<std::uint16_t>(clamped(e.now.y[i] + by(e.n + i), 0, d.height - 1));
  });
  team.sync();
}

/// words[i / 32]: a set bit is an event to be dropped.
template <class Team>
DLTONIC_EVERYWHERE void draw_drops(Team& team, TeamEvents& e, const events::PlannedStep& step, const TeamDraws& d) {
  const BernoulliKey key{d.seed, step.use, d.epoch, d.recording};
  const std::uint32_t threshold = bernoulli_threshold(step.value);
  each(team, (e.n + 31) / 32, [&](std::uint32_t w) {
    std::uint32_t mask[1];
    bernoulli_words(key, d.first_block / 8 + w, threshold, mask);
    e.words[w] = mask[0];
  });
  team.sync();
}

/// Drops events whose goes(i, event) is true, unless they are all and the step spares such a recording.
template <class Team, class Goes>
DLTONIC_EVERYWHERE void drop_if(Team& team, TeamEvents& e, bool spares, Goes goes) {
  if (spares) {
    bool some = false;
    each(team, e.n, [&](std::uint32_t i) { some = some || !goes(i, get(e.now, i)); });
    if (!team.any(some)) return;
  }
  e.n = keep_if(team, e.now, e.n, [&](std::uint32_t i, const OneEvent& event) { return !goes(i, event); });
}

template <class Team>
DLTONIC_EVERYWHERE void add_noise(Team& team, TeamEvents& e, const events::PlannedStep& step, const TeamDraws& d) {
  const auto count = static_cast<std::uint32_t>(llround(step.value * static_cast<double>(e.n)));
  if (count == 0) return;
  const std::uint32_t first = e.now.t[0], n = e.n;
  const std::uint64_t moments = std::uint64_t{e.now.t[n - 1] - first} + 1;
  const auto width = static_cast<std::uint32_t>(d.width);
  const std::uint64_t places = std::uint64_t{2} * width * static_cast<std::uint32_t>(d.height);
  each(team, count,
       [&](std::uint32_t i) { e.keys[i] = (first + (word_of(d, step.use, count + i) * moments >> 32)) << 32 | i; });
  sort_keys(team, e.keys, count);
  const Columns added{e.now.x + n, e.now.y + n, e.now.t + n, e.now.p + n};
  each(team, count, [&](std::uint32_t i) {
    const std::uint64_t key = e.keys[i];
    const auto place = static_cast<std::uint32_t>(word_of(d, step.use, static_cast<std::uint32_t>(key)) * places >> 32);
    put(added, i,
        {static_cast<std::uint32_t>(key >> 32), static_cast<std::uint16_t>((place >> 1) % width),
         static_cast<std::uint16_t>((place >> 1) / width), static_cast<std::uint8_t>(place & 1u)});
  });
  team.sync();
  merge(team, e.now, n, added, count, e.other);
  e.turn();
  e.n = n + count;
}

template <class Team>
DLTONIC_EVERYWHERE void apply(Team& team, TeamEvents& e, const events::PlannedStep& step, const TeamDraws& d) {
  using Kind = events::PlannedStep::Kind;
  if (e.n == 0) return;
  const auto change = [&](auto how) {
    each(team, e.n, how);
    team.sync();
  };
  switch (step.kind) {
    case Kind::reverse_time:
      return reverse_time(team, e);
    case Kind::skew_time:
      return skew_time(team, e, step.value);
    case Kind::delete_time:
      return drop_span(team, e, step, true);
    case Kind::jitter_time:
      return jitter_time(team, e, step, d);
    case Kind::flip_x:
      return change([&](std::uint32_t i) { e.now.x[i] = static_cast<std::uint16_t>(d.width - 1 - e.now.x[i]); });
    case Kind::flip_y:
      return change([&](std::uint32_t i) { e.now.y[i] = static_cast<std::uint16_t>(d.height - 1 - e.now.y[i]); });
    case Kind::map_linear:
      return map_linear(team, e, step.map, d);
    case Kind::roll: {
      const int dx = (step.dx % d.width + d.width) % d.width, dy = (step.dy % d.height + d.height) % d.height;
      return change([&](std::uint32_t i) {
        const int x = e.now.x[i] + dx, y = e.now.y[i] + dy;
        e.now.x[i] = static_cast<std::uint16_t>(x >= d.width ? x - d.width : x);
        e.now.y[i] = static_cast<std::uint16_t>(y >= d.height ? y - d.height : y);
      });
    }
    case Kind::shift:
      e.n = keep_if(team, e.now, e.n, [&](std::uint32_t, OneEvent& event) {
        const int x = event.x + step.dx, y = event.y + step.dy;
        event.x = static_cast<std::uint16_t>(x), event.y = static_cast<std::uint16_t>(y);
        return x >= 0 && x < d.width && y >= 0 && y < d.height;
      });
      return;
    case Kind::jitter_place:
      return jitter_place(team, e, step, d);
    case Kind::flip_polarity:
      return change([&](std::uint32_t i) { e.now.p[i] ^= 1u; });
    case Kind::drop_events:
      draw_drops(team, e, step, d);
      return drop_if(team, e, step.spares,
                     [&](std::uint32_t i, const OneEvent&) { return (e.words[i / 32] >> (i % 32) & 1u) != 0; });
    case Kind::drop_time: {
      const std::uint32_t first = e.now.t[0], duration = e.now.t[e.n - 1] - first;
      const events::Span span = events::span_of(step.value, step.word, duration);
      if (step.spares && span.start_us == 0 && span.length_us > duration) return;
      return drop_span(team, e, step, false);
    }
    case Kind::drop_area:
      return drop_if(team, e, step.spares, [&](std::uint32_t, const OneEvent& event) { return lies_in(step.box, event); });
    case Kind::add_noise:
      return add_noise(team, e, step, d);
  }
}

}  // namespace dltonic::data
