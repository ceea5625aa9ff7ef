/// The single augmentations, with the numbers that were drawn for them: what Augmenter (augment.h) is made of, and what
/// tests and other callers use alone. All work in place, on events inside the sensor whose times do not decrease, and leave
/// such events. What is random for every event is a function of `draws` and of the event's place in the recording: any
/// number of threads, ranks and calls makes the same.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dltonic/core/random.h"
#include "dltonic/events/augment_plan.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/recording.h"

namespace dltonic::events {

/// Whose random numbers: Random(seed, use, epoch, recording). Numbers for single events begin at block 16, so that the first
/// 64 words are left for what is drawn once a recording.
struct EventDraws {
  std::uint64_t seed = 0;
  Use use = Use::test;
  std::uint32_t epoch = 0, recording = 0;

  static constexpr std::uint32_t kFirstBlock = 16;
  Random once() const { return {seed, use, epoch, recording}; }
  void fill(std::span<std::uint32_t> words) const;
};

/// Memory that steps keep between recordings. One for each thread.
struct AugmentMemory {
  std::vector<std::uint8_t> marks;         ///< [event]
  std::vector<std::uint32_t> words;        ///< random
  std::vector<std::uint64_t> keys, other;  ///< [event] to be sorted
  std::vector<std::uint16_t> x, y;         ///< [event]
  std::vector<std::uint8_t> p;             ///< [event]
};

// ---- time ----

/// Last event first: t becomes t_first + t_last − t, polarities change (what became brighter becomes darker backwards). Twice
/// is nothing. Tonic's RandomTimeReversal, which moves the recording to time 0.
void reverse_time(Events& events);
/// Distances from the first event times `factor` (in steps of 2^-16, at most 65535), rounded; times end at 2^32 − 1.
/// Tonic's TimeSkew, about the first event.
void skew_time(Events& events, double factor);
/// Drops what lies in [t_first + start, + length) and moves what follows `length` earlier: no gap stays. Defined here.
void delete_time(Events& events, std::uint32_t start_us, std::uint32_t length_us);
/// Adds a normal number of this standard deviation to each time, rounded, cut off at 0 and 2^32 − 1; then sorts, events of
/// equal time in their old order. Tonic's TimeJitter, sorted.
void jitter_time(Events& events, double sd_us, const EventDraws& draws, AugmentMemory& memory);

// ---- place ----

void flip_x(Events& events, int width);   ///< x becomes width − 1 − x. Twice is nothing.
void flip_y(Events& events, int height);  ///< y becomes height − 1 − y. Twice is nothing.
/// Moves by (dx, dy) round the sensor's edges: no event is lost. "Rolling" of Neuromorphic Data Augmentation (Li et al., ECCV
/// 2022).
void roll(Events& events, int dx, int dy, SensorSize sensor);
/// Moves by (dx, dy); what leaves the sensor is dropped: a crop of the sensor's size from the sensor with a margin.
void shift(Events& events, int dx, int dy, SensorSize sensor, AugmentMemory& memory);
/// A linear map about the sensor's centre, rounded to the nearest pixel; what leaves the sensor is dropped. Events are moved
/// forwards: some pixels come from two, some from none. Coefficients in steps of 2^-16; |xx| + |xy| and |yx| + |yy| at most
/// 2, sensors of at most 8191 pixels a side.
void map_linear(Events& events, const LinearMap& map, SensorSize sensor, AugmentMemory& memory);
/// Adds normal numbers of this standard deviation to x and y, rounded, and cut off at the sensor's edges. Tonic's
/// SpatialJitter, whose events may leave the sensor.
void jitter_place(Events& events, double sd_pixels, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory);

// ---- polarity ----

void flip_polarity(Events& events);  ///< ON becomes OFF, OFF ON. Twice is nothing.

// ---- drops (EventDrop: Gu et al., IJCAI 2021; Tonic's DropEvent, DropEventByTime, DropEventByArea) ----
// spares: a recording of which nothing would be left stays as it is.

/// Each event apart with this probability (in steps of 2^-32). Tonic drops an exact number.
void drop_events(Events& events, double probability, const EventDraws& draws, AugmentMemory& memory, bool spares = false);
/// Those in [t_first + start, + length): a gap stays.
void drop_time(Events& events, std::uint32_t start_us, std::uint32_t length_us, bool spares = false);
/// Those in a box of the sensor.
void drop_area(Events& events, const Box& box, AugmentMemory& memory, bool spares = false);
/// A box of the sensor's proportions with this share of its area, rounded to pixels, anywhere inside. (Tonic's ratio is that
/// of the sides.)
Box draw_box(double area_share, SensorSize sensor, Random& random);
/// EventDrop: one of the three, chosen with equal probability; shares as published: 0.1, 0.2 … 0.9 of the time, 0.05,
/// 0.1 … 0.25 of the area, 0.1 … 0.9 of the events. (The paper's fourth choice is to do nothing: a probability of 0.75
/// of calling this.) A recording of which nothing would be left stays as it is.
/// (One of the steps above, which spares such a recording.)
PlannedStep draw_drop_one(SensorSize sensor, Random& random);

// ---- any ----

/// Does one step; `draws` are those of step.use, the recording and the epoch.
void apply(const PlannedStep& step, Events& events, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory);

// ---- noise ----

/// Adds events anywhere on the sensor, at any time from the first event to the last, of any polarity, each uniform and apart
/// from all others. Nothing is added to an empty recording. Tonic's UniformNoise, sorted.
void add_noise(Events& events, std::size_t count, SensorSize sensor, const EventDraws& draws, AugmentMemory& memory);

}  // namespace dltonic::events
