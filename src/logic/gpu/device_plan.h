/// The order in which a GPU keeps the gates of each layer, and the index lists that its kernels follow; derived from the
/// wiring when it is made or loaded, never stored.
///
/// Where a layer is a walk (wiring_plan.h), its gates stand along it. The first layer's gates stand in the order in which
/// the second layer's walk visits them, so that both can run fused with neighbouring reads. Other layers stand in canonical
/// order.
#pragma once

#include <cstdint>
#include <vector>

#include "dltonic/device/buffer.h"
#include "dltonic/logic/wiring.h"

namespace dltonic::logic::gpu {

/// A run of a walk: kRunGates gates, or 1 of what is left at the end of a cycle. Gate first + u reads inputs in[u] and
/// in[u + 1].
constexpr int kRunGates = 8;
struct alignas(16) Segment {
  std::int32_t first, count;
  std::int32_t before;  ///< position of the gate in front of `first` in its cycle: reads before_input and in[0]
  std::int32_t before_input;
  std::int32_t in[kRunGates + 1];  ///< count + 1 of them
  std::int32_t unused[3];
};
static_assert(sizeof(Segment) == 64);

struct Pair {
  std::int32_t a, b;
};
/// A segment of a second layer together with the first layer's gates that it reads, which stand in its own order: gate
/// first + u reads gates first + u and first + u + 1 of the first layer, the segment's last one first + count - 1 and `after`.
struct alignas(16) FusedSegment {
  struct alignas(16) Header {
    std::int32_t first, count;
    std::int32_t before;  ///< as in Segment, and the first layer's gate that it reads first
    std::int32_t after;
  } header;
  Pair before_pair;           ///< input rows of the first layer's gate `before`
  Pair pairs[kRunGates + 1];  ///< of gates first … first + count - 1 and `after`
};
static_assert(sizeof(FusedSegment) == 96);

/// A gate of a last layer: in canonical order, so that a class is a run of them.
struct alignas(16) ScoreGate {
  std::int32_t a, b, position, unused;
};
/// A consumer of an input: gate (position; -1: none) and the row of its other operand; ~other where the input is operand B.
struct Consumer {
  std::int32_t gate, other;
};
/// The first two consumers of an input: in square layers nearly all that there are.
struct alignas(16) TwoConsumers {
  Consumer two[2];
};

/// One layer's lists, on the host.
struct LayerPlan {
  std::int64_t inputs = 0, gates = 0;
  std::vector<std::int32_t> canonical;   ///< [position] the gate's canonical number within its layer
  std::vector<Pair> pairs;               ///< [position] input rows
  std::vector<Segment> segments;         ///< empty: not a walk
  std::vector<FusedSegment> fused;       ///< second layer that is a walk and not the last: runs as one with the first
  std::vector<TwoConsumers> consumers;   ///< [inputs]; layers that are no walk, but for the first
  std::vector<std::int32_t> more_begin;  ///< [inputs + 1] consumers after the first two; empty: there are none
  std::vector<Consumer> more;
  std::vector<ScoreGate> scores;        ///< last layer
  std::vector<std::uint16_t> class_of;  ///< last layer: [position]
};
/// wiring: one a layer, checked. classes: of the head.
std::vector<LayerPlan> make_device_plan(const std::vector<const Wiring*>& wiring, std::int64_t features, int classes);

/// The same in device memory. Empty lists are null.
struct LayerOnDevice {
  std::int64_t inputs = 0, gates = 0;
  std::int32_t segment_count = 0;
  const Pair* pairs = nullptr;
  const Segment* segments = nullptr;
  const FusedSegment* fused = nullptr;  ///< as many
  const TwoConsumers* consumers = nullptr;
  const std::int32_t* more_begin = nullptr;
  const Consumer* more = nullptr;
  const ScoreGate* scores = nullptr;
  const std::uint16_t* class_of = nullptr;
  bool is_walk() const { return segment_count > 0; }
};

}  // namespace dltonic::logic::gpu
