#include <algorithm>
#include <bit>
#include <cmath>

#include "dltonic/core/bernoulli.h"
#include "dltonic/events/augment_steps.h"
#include "events/keep.h"

namespace dltonic::events {
namespace {

/// memory.words [event / 32]: a set bit is an event to be dropped. Bits past the last event are zero.
void draw_drops(std::size_t n, double probability, const EventDraws& draws, AugmentMemory& memory) {
  constexpr std::uint32_t kWords = 8;
  // A mask word takes its numbers from eight blocks of its own: those before the first 16 blocks' are left out.
  constexpr std::uint32_t kFirst = EventDraws::kFirstBlock / 8;
  const BernoulliKey key{draws.seed, draws.use, draws.epoch, draws.recording};
  const std::uint32_t threshold = bernoulli_threshold(probability);
  const auto words = static_cast<std::uint32_t>((n + 31) / 32);
  memory.words.resize((words + kWords - 1) / kWords * kWords);
  for (std::uint32_t w = 0; w < words; w += kWords) {
    std::uint32_t mask[kWords];
    bernoulli_words(key, kFirst + w, threshold, mask);
    std::copy_n(mask, kWords, memory.words.data() + w);
  }
  memory.words.resize(words);
  if (n % 32 != 0) memory.words.back() &= (1u << (n % 32)) - 1;
}

/// memory.marks [event]: 1 outside of the box.
void mark_outside(const Events& events, const Box& box, AugmentMemory& memory) {
  const std::size_t n = events.size();
  memory.marks.resize(n);
  const std::uint16_t *xs = events.x.data(), *ys = events.y.data();
  std::uint8_t* mark = memory.marks.data();
  // Differences below 0 wrap to large ones.
  const auto x = static_cast<std::uint16_t>(box.x), y = static_cast<std::uint16_t>(box.y);
  const auto width = static_cast<std::uint16_t>(box.width), height = static_cast<std::uint16_t>(box.height);
  for (std::size_t i = 0; i < n; ++i) {
    const bool in_x = static_cast<std::uint16_t>(xs[i] - x) < width, in_y = static_cast<std::uint16_t>(ys[i] - y) < height;
    mark[i] = static_cast<std::uint8_t>(!(in_x & in_y));
  }
}

}  // namespace

void drop_events(Events& events, double probability, const EventDraws& draws, AugmentMemory& memory, bool spares) {
  if (events.empty()) return;
  draw_drops(events.size(), probability, draws, memory);
  if (spares) {
    std::size_t dropped = 0;
    for (const std::uint32_t word : memory.words) dropped += static_cast<std::size_t>(std::popcount(word));
    if (dropped == events.size()) return;
  }
  keep_by_bits(events, memory.words, false);
}

void drop_area(Events& events, const Box& box, AugmentMemory& memory, bool spares) {
  mark_outside(events, box, memory);
  if (spares && std::find(memory.marks.begin(), memory.marks.end(), 1) == memory.marks.end()) return;
  keep_marked(events, memory.marks);
}

Box draw_box(double area_share, SensorSize sensor, Random& random) {
  const double side = std::sqrt(area_share);
  const auto extent = [side](int full) { return std::clamp(static_cast<int>(std::lround(side * full)), 1, full); };
  Box box{.width = extent(sensor.width), .height = extent(sensor.height)};
  box.x = random.between(0, sensor.width - box.width);
  box.y = random.between(0, sensor.height - box.height);
  return box;
}

PlannedStep draw_drop_one(SensorSize sensor, Random& random) {
  using Kind = PlannedStep::Kind;
  PlannedStep step{.use = Use::event_drop_one, .spares = true};
  const std::uint32_t choice = random.below(3);
  step.kind = choice == 0 ? Kind::drop_time : choice == 1 ? Kind::drop_area : Kind::drop_events;
  if (step.kind == Kind::drop_area) {
    step.box = draw_box(0.05 * random.between(1, 5), sensor, random);
  } else {
    step.value = 0.1 * random.between(1, 9);
    step.word = random.next_u32();
  }
  return step;
}

}  // namespace dltonic::events
