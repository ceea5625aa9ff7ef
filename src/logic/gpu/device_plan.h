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

/// Up to kRunGates gates in a row of a walk: gate first + u reads inputs in[u] and in[u + 1].
constexpr int kRunGates = 8;
struct alignas(16) Segment {
  std::int32_t first, count;
  std::int32_t before;  ///< position of the gate in front of `first` in its cycle: reads before_input and in[0]
  std::int32_t before_input;
  std::int32_t in[kRunGates + 1];  ///< entries past `count` repeat the last one
  std::int32_t unused[3];
};
static_assert(sizeof(Segment) == 64);

struct Pair {
  std::int32_t a, b;
};
/// A gate of a last layer: in canonical order, so that a class is a run of them.
struct alignas(16) ScoreGate {
  std::int32_t a, b, position, unused;
};
/// A consumer of an input: gate (position) and the row of its other operand; ~other where the input is operand B.
struct Consumer {
  std::int32_t gate, other;
};

/// One layer's lists, on the host.
struct LayerPlan {
  std::int64_t inputs = 0, gates = 0;
  std::vector<std::int32_t> canonical;        ///< [position] the gate's canonical number within its layer
  std::vector<Pair> pairs;                    ///< [position] input rows
  std::vector<Segment> segments;              ///< empty: not a walk
  std::vector<std::int32_t> consumers_begin;  ///< [inputs + 1]; layers that are no walk, but for the first
  std::vector<Consumer> consumers;
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
  const std::int32_t* consumers_begin = nullptr;
  const Consumer* consumers = nullptr;
  const ScoreGate* scores = nullptr;
  const std::uint16_t* class_of = nullptr;
  bool is_walk() const { return segment_count > 0; }
};

}  // namespace dltonic::logic::gpu
