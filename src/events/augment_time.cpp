#include <algorithm>
#include <cmath>
#include <limits>

#include "dltonic/core/random_fill.h"
#include "dltonic/events/augment_steps.h"
#include "dltonic/events/normal.h"
#include "events/keep.h"
#include "events/time_order.h"

namespace dltonic::events {
namespace {

constexpr std::uint64_t kLastTime = std::numeric_limits<std::uint32_t>::max();

/// The events in [t_first + start, + length).
struct Range {
  std::size_t first, last;
};
Range range_of(const Events& events, std::uint32_t start_us, std::uint32_t length_us) {
  const std::uint64_t begin = std::uint64_t{events.t.front()} + start_us;
  const auto at = [&events](std::uint64_t time) {
    return static_cast<std::size_t>(std::lower_bound(events.t.begin(), events.t.end(), time) - events.t.begin());
  };
  return {at(begin), at(begin + length_us)};
}

}  // namespace

void EventDraws::fill(std::span<std::uint32_t> words) const { fill_random(seed, use, epoch, recording, kFirstBlock, words); }

void reverse_time(Events& events) {
  if (events.empty()) return;
  const std::uint32_t ends = events.t.front() + events.t.back();  // may wrap: so does the difference
  std::reverse(events.x.begin(), events.x.end());
  std::reverse(events.y.begin(), events.y.end());
  std::reverse(events.p.begin(), events.p.end());
  std::reverse(events.t.begin(), events.t.end());
  for (std::uint32_t& t : events.t) t = ends - t;
  flip_polarity(events);
}

void skew_time(Events& events, double factor) {
  if (events.empty()) return;
  const auto times = static_cast<std::uint32_t>(std::llround(std::clamp(factor, 0.0, 65535.0) * 65536));
  const std::uint32_t first = events.t.front();
  for (std::uint32_t& t : events.t) {
    const std::uint64_t moved = first + ((std::uint64_t{t - first} * times + 32768) >> 16);
    t = static_cast<std::uint32_t>(std::min(moved, kLastTime));
  }
}

void delete_time(Events& events, std::uint32_t start_us, std::uint32_t length_us) {
  if (events.empty()) return;
  const Range gone = range_of(events, start_us, length_us);
  drop_range(events, gone.first, gone.last);
  std::uint32_t* t = events.t.data();
  for (std::size_t i = gone.first; i < events.size(); ++i) t[i] -= length_us;
}

void jitter_time(Events& events, double sd_us, const EventDraws& draws, AugmentMemory& memory) {
  const std::size_t n = events.size();
  memory.words.resize(n);
  memory.keys.resize(n);
  draws.fill(memory.words);
  const auto scale = static_cast<float>(sd_us / 65536);
  const std::uint32_t *word = memory.words.data(), *t = events.t.data();
  std::uint64_t* key = memory.keys.data();
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t time = std::int64_t{t[i]} + NormalTable::rounded(NormalTable::normal(word[i]), scale);
    const auto inside = static_cast<std::uint64_t>(std::clamp<std::int64_t>(time, 0, kLastTime));
    key[i] = inside << 32 | i;
  }
  order_by_keys(events, memory);
}

void drop_time(Events& events, std::uint32_t start_us, std::uint32_t length_us, bool spares) {
  if (events.empty()) return;
  const Range gone = range_of(events, start_us, length_us);
  if (spares && gone.last - gone.first == events.size()) return;
  drop_range(events, gone.first, gone.last);
}

void add_noise(Events& events, std::size_t count, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory) {
  const std::size_t n = events.size();
  if (n == 0 || count == 0) return;
  memory.words.resize(2 * count);
  draws.fill(memory.words);
  const std::uint32_t first = events.t.front();
  const std::uint64_t moments = std::uint64_t{events.t.back() - first} + 1;
  const auto width = static_cast<std::uint32_t>(sensor.width);
  const std::uint64_t places = std::uint64_t{2} * width * static_cast<std::uint32_t>(sensor.height);
  // The times in order, each with the number of its other word.
  memory.keys.resize(count);
  for (std::size_t i = 0; i < count; ++i) memory.keys[i] = (first + (memory.words[count + i] * moments >> 32)) << 32 | i;
  sort_keys(memory);
  events.resize(n + count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t key = memory.keys[i];
    const auto place = static_cast<std::uint32_t>(memory.words[static_cast<std::uint32_t>(key)] * places >> 32);
    events.p[n + i] = static_cast<std::uint8_t>(place & 1u);
    events.x[n + i] = static_cast<std::uint16_t>((place >> 1) % width);
    events.y[n + i] = static_cast<std::uint16_t>((place >> 1) / width);
    events.t[n + i] = static_cast<std::uint32_t>(key >> 32);
  }
  merge_parts(events, n, memory);
}

}  // namespace dltonic::events
