#include "dltonic/events/augment.h"

#include <cmath>

namespace dltonic::events {

using Kind = PlannedStep::Kind;

void plan_augmentation(const AugmentationOptions& o, SensorSize sensor, std::uint64_t seed, std::uint32_t epoch,
                       std::uint32_t recording, AugmentationPlan& plan) {
  plan.clear();
  /// Adds what draw(random, step) makes of a step, with this probability, where the step is on.
  const auto step = [&](Use use, Kind kind, bool on, double probability, auto draw) {
    if (!on) return;
    Random random(seed, use, epoch, recording);
    if (!(random.uniform() < probability)) return;
    PlannedStep drawn{.kind = kind, .use = use};
    draw(random, drawn);
    plan.push_back(drawn);
  };
  const auto nothing = [](Random&, PlannedStep&) {};
  const auto value = [](double number) { return [number](Random&, PlannedStep& drawn) { drawn.value = number; }; };
  const auto span = [](double share) {
    return [share](Random& random, PlannedStep& drawn) {
      drawn.value = share;
      drawn.word = random.next_u32();
    };
  };
  const auto pixels = [](int most) {
    return [most](Random& random, PlannedStep& drawn) {
      drawn.dx = random.between(-most, most);
      drawn.dy = random.between(-most, most);
    };
  };
  const auto either_way = [](Random& random, double most) { return most * (2 * random.uniform_double() - 1); };

  step(Use::event_reverse_time, Kind::reverse_time, o.reverse_time > 0, o.reverse_time, nothing);
  step(Use::event_time_skew, Kind::skew_time, o.time_skew > 0, o.time_skew_p,
       [&](Random& random, PlannedStep& drawn) { drawn.value = 1 + either_way(random, o.time_skew); });
  step(Use::event_delete_time, Kind::delete_time, o.delete_time > 0, o.delete_time_p, span(o.delete_time));
  step(Use::event_time_jitter, Kind::jitter_time, o.time_jitter_us > 0, o.time_jitter_p, value(o.time_jitter_us));

  step(Use::event_flip_x, Kind::flip_x, o.flip_x > 0, o.flip_x, nothing);
  step(Use::event_flip_y, Kind::flip_y, o.flip_y > 0, o.flip_y, nothing);
  step(Use::event_shear, Kind::map_linear, o.shear > 0, o.shear_p,
       [&](Random& random, PlannedStep& drawn) { drawn.map = LinearMap::shear(either_way(random, o.shear)); });
  step(Use::event_rotate, Kind::map_linear, o.rotate > 0, o.rotate_p,
       [&](Random& random, PlannedStep& drawn) { drawn.map = LinearMap::rotation(either_way(random, o.rotate)); });
  step(Use::event_roll, Kind::roll, o.roll > 0, o.roll_p, pixels(o.roll));
  step(Use::event_shift, Kind::shift, o.shift > 0, o.shift_p, pixels(o.shift));
  step(Use::event_spatial_jitter, Kind::jitter_place, o.spatial_jitter > 0, o.spatial_jitter_p, value(o.spatial_jitter));

  step(Use::event_flip_polarity, Kind::flip_polarity, o.flip_polarity > 0, o.flip_polarity, nothing);

  step(Use::event_drop, Kind::drop_events, o.drop > 0, o.drop_p, value(o.drop));
  step(Use::event_drop_time, Kind::drop_time, o.drop_time > 0, o.drop_time_p, span(o.drop_time));
  step(Use::event_drop_area, Kind::drop_area, o.drop_area > 0, o.drop_area_p,
       [&](Random& random, PlannedStep& drawn) { drawn.box = draw_box(o.drop_area, sensor, random); });
  step(Use::event_drop_one, Kind::drop_time, o.event_drop > 0, o.event_drop,
       [&](Random& random, PlannedStep& drawn) { drawn = draw_drop_one(sensor, random); });

  step(Use::event_noise, Kind::add_noise, o.noise > 0, o.noise_p, value(o.noise));
}

void apply(const PlannedStep& step, Events& events, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory) {
  if (events.empty()) return;
  const auto span = [&] { return span_of(step.value, step.word, events.t.back() - events.t.front()); };
  switch (step.kind) {
    case Kind::reverse_time:
      return reverse_time(events);
    case Kind::skew_time:
      return skew_time(events, step.value);
    case Kind::delete_time:
      return delete_time(events, span().start_us, span().length_us);
    case Kind::jitter_time:
      return jitter_time(events, step.value, draws, memory);
    case Kind::flip_x:
      return flip_x(events, sensor.width);
    case Kind::flip_y:
      return flip_y(events, sensor.height);
    case Kind::map_linear:
      return map_linear(events, step.map, sensor, memory);
    case Kind::roll:
      return roll(events, step.dx, step.dy, sensor);
    case Kind::shift:
      return shift(events, step.dx, step.dy, sensor, memory);
    case Kind::jitter_place:
      return jitter_place(events, step.value, sensor, draws, memory);
    case Kind::flip_polarity:
      return flip_polarity(events);
    case Kind::drop_events:
      return drop_events(events, step.value, draws, memory, step.spares);
    case Kind::drop_time:
      return drop_time(events, span().start_us, span().length_us, step.spares);
    case Kind::drop_area:
      return drop_area(events, step.box, memory, step.spares);
    case Kind::add_noise:
      return add_noise(events, static_cast<std::size_t>(std::llround(step.value * static_cast<double>(events.size()))), sensor,
                       draws, memory);
  }
}

Augmenter::Augmenter(const AugmentationOptions& options, SensorSize sensor, std::uint64_t seed)
    : options_(options), sensor_(sensor), seed_(seed) {}

AugmentationPlan Augmenter::plan(std::uint32_t epoch, std::uint32_t recording) const {
  AugmentationPlan plan;
  plan_augmentation(options_, sensor_, seed_, epoch, recording, plan);
  return plan;
}

void Augmenter::apply(const AugmentationPlan& plan, Events& events, std::uint32_t epoch, std::uint32_t recording) {
  for (const PlannedStep& step : plan) events::apply(step, events, sensor_, {seed_, step.use, epoch, recording}, memory_);
}

}  // namespace dltonic::events
