#include "dltonic/logic/wiring_plan.h"

#include <algorithm>
#include <numeric>

namespace dltonic::logic {

Walk make_walk(const Wiring& wiring, std::int64_t inputs) {
  const auto gates = static_cast<std::int32_t>(wiring.gates());
  Walk walk;
  std::vector<std::int32_t> gate_from(static_cast<std::size_t>(inputs), -1);  // the gate whose operand A an input is
  std::vector<bool> is_b(static_cast<std::size_t>(inputs), false);
  bool cycles = gates == inputs;
  for (std::int32_t i = 0; i < gates && cycles; ++i) {
    const auto a = static_cast<std::size_t>(wiring.a[static_cast<std::size_t>(i)]);
    const auto b = static_cast<std::size_t>(wiring.b[static_cast<std::size_t>(i)]);
    cycles = gate_from[a] < 0 && !is_b[b];
    gate_from[a] = i;
    is_b[b] = true;
  }
  if (!cycles) {
    walk.order.gate.resize(wiring.gates());
    std::iota(walk.order.gate.begin(), walk.order.gate.end(), 0);
    walk.order.a = wiring.a;
    walk.order.b = wiring.b;
    return walk;
  }
  std::vector<bool> seen(wiring.gates(), false);
  for (std::int32_t start = 0; start < gates; ++start) {
    if (seen[static_cast<std::size_t>(start)]) continue;
    const auto first = static_cast<std::int32_t>(walk.order.gate.size());
    for (std::int32_t gate = start; !seen[static_cast<std::size_t>(gate)];) {
      const auto g = static_cast<std::size_t>(gate);
      seen[g] = true;
      walk.order.gate.push_back(gate);
      walk.order.a.push_back(wiring.a[g]);
      walk.order.b.push_back(wiring.b[g]);
      gate = gate_from[static_cast<std::size_t>(wiring.b[g])];
    }
    const auto end = static_cast<std::int32_t>(walk.order.gate.size());
    for (std::int32_t begin = first; begin < end; begin += kSegmentGates) {
      walk.segments.push_back({begin, std::min(begin + kSegmentGates, end), begin == first ? end - 1 : begin - 1});
    }
  }
  return walk;
}

InverseIndex make_inverse_index(const Wiring& wiring, std::int64_t inputs) {
  InverseIndex index;
  index.begin.assign(static_cast<std::size_t>(inputs) + 1, 0);
  for (const auto* operand : {&wiring.a, &wiring.b}) {
    for (const std::int32_t input : *operand) ++index.begin[static_cast<std::size_t>(input) + 1];
  }
  std::partial_sum(index.begin.begin(), index.begin.end(), index.begin.begin());
  index.entries.resize(2 * wiring.gates());
  std::vector<std::int64_t> next(index.begin.begin(), index.begin.end() - 1);
  for (std::size_t i = 0; i < wiring.gates(); ++i) {
    const auto gate = static_cast<std::int32_t>(i);
    index.entries[static_cast<std::size_t>(next[static_cast<std::size_t>(wiring.a[i])]++)] = {gate, wiring.b[i]};
    index.entries[static_cast<std::size_t>(next[static_cast<std::size_t>(wiring.b[i])]++)] = {gate, ~wiring.a[i]};
  }
  return index;
}

}  // namespace dltonic::logic
