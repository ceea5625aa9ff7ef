/// What kernels derive from a wiring when it is made or loaded; never stored.
#pragma once

#include <cstdint>
#include <vector>

#include "dltonic/logic/wiring.h"

namespace dltonic::logic {

/// Gates in the order in which a kernel visits them: the k-th is gate[k], which reads inputs a[k] and b[k].
struct GateOrder {
  std::vector<std::int32_t> gate, a, b;
};

/// A square layer whose inputs each stand once as operand A and once as operand B is a set of cycles: following them,
/// gate k's operand B is gate k+1's operand A. Segments are runs of one cycle, the units that threads share out.
struct Walk {
  struct Segment {
    std::int32_t begin, end;  ///< positions in the order
    std::int32_t before;      ///< position of the gate in front of `begin` in its cycle
  };
  GateOrder order;
  std::vector<Segment> segments;  ///< empty: the wiring is not of this form
};
constexpr std::int32_t kSegmentGates = 256;

/// Follows the cycles; `order` is canonical and `segments` empty where the wiring is not a set of cycles.
Walk make_walk(const Wiring& wiring, std::int64_t inputs);

/// For input m, its consumers: entries begin[m] … begin[m+1]-1, in gate order. The operand is stored, so that a == b is
/// two entries and fan-out 0 none.
struct InverseIndex {
  struct Entry {
    std::int32_t gate;
    std::int32_t other;  ///< the gate's other input; ~other (negative) where m is the gate's operand B
  };
  std::vector<std::int64_t> begin;  ///< [inputs + 1]
  std::vector<Entry> entries;       ///< [2 × gates]
};
InverseIndex make_inverse_index(const Wiring& wiring, std::int64_t inputs);

}  // namespace dltonic::logic
