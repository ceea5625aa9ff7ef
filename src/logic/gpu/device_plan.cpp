#include "logic/gpu/device_plan.h"

#include <algorithm>
#include <numeric>

#include "dltonic/logic/wiring_plan.h"

namespace dltonic::logic::gpu {
namespace {

using Positions = std::vector<std::int32_t>;  ///< [canonical number] position

Positions inverse(const std::vector<std::int32_t>& order) {
  Positions positions(order.size());
  for (std::size_t p = 0; p < order.size(); ++p) positions[static_cast<std::size_t>(order[p])] = static_cast<std::int32_t>(p);
  return positions;
}

/// `rows`: where the layer's inputs lie.
std::vector<Segment> make_segments(const Walk& walk, const Positions& rows) {
  std::vector<Segment> segments;
  const auto row_a = [&](std::int32_t k) { return rows[static_cast<std::size_t>(walk.order.a[static_cast<std::size_t>(k)])]; };
  const auto row_b = [&](std::int32_t k) { return rows[static_cast<std::size_t>(walk.order.b[static_cast<std::size_t>(k)])]; };
  for (const Walk::Segment& start : walk.segments) {
    if (start.before < start.begin) continue;  // goes on with a cycle
    const std::int32_t begin = start.begin, end = start.before + 1;
    for (std::int32_t first = begin; first < end; first += kRunGates) {
      Segment s{};
      s.first = first;
      s.count = std::min(kRunGates, end - first);
      s.before = first == begin ? end - 1 : first - 1;
      s.before_input = row_a(s.before);
      for (std::int32_t u = 0; u <= kRunGates; ++u) s.in[u] = u < s.count ? row_a(first + u) : row_b(first + s.count - 1);
      segments.push_back(s);
    }
  }
  return segments;
}

}  // namespace

std::vector<LayerPlan> make_device_plan(const std::vector<const Wiring*>& wiring, std::int64_t features, int classes) {
  const std::size_t layers = wiring.size();
  std::vector<LayerPlan> plan(layers);
  std::vector<Walk> walks(layers);
  std::int64_t inputs = features;
  for (std::size_t l = 0; l < layers; ++l) {
    plan[l].inputs = inputs;
    plan[l].gates = inputs = static_cast<std::int64_t>(wiring[l]->gates());
    if (l > 0) walks[l] = make_walk(*wiring[l], plan[l].inputs);
    plan[l].canonical.resize(wiring[l]->gates());
    std::iota(plan[l].canonical.begin(), plan[l].canonical.end(), 0);
    if (!walks[l].segments.empty()) plan[l].canonical = walks[l].order.gate;
  }
  if (layers > 1 && !walks[1].segments.empty()) plan[0].canonical = walks[1].order.a;

  Positions rows(static_cast<std::size_t>(features));  // of the layer's inputs
  std::iota(rows.begin(), rows.end(), 0);
  for (std::size_t l = 0; l < layers; ++l) {
    LayerPlan& layer = plan[l];
    const Wiring& w = *wiring[l];
    const auto row = [&](std::int32_t input) { return rows[static_cast<std::size_t>(input)]; };
    Positions positions = inverse(layer.canonical);
    for (const std::int32_t gate : layer.canonical) {
      const auto g = static_cast<std::size_t>(gate);
      layer.pairs.push_back({row(w.a[g]), row(w.b[g])});
    }
    if (!walks[l].segments.empty()) {
      layer.segments = make_segments(walks[l], rows);
    } else if (l > 0) {
      const InverseIndex index = make_inverse_index(w, layer.inputs);
      layer.consumers_begin.assign(1, 0);
      for (const std::int32_t input : plan[l - 1].canonical) {
        const auto m = static_cast<std::size_t>(input);
        for (auto e = static_cast<std::size_t>(index.begin[m]); e < static_cast<std::size_t>(index.begin[m + 1]); ++e) {
          const InverseIndex::Entry entry = index.entries[e];
          const bool is_b = entry.other < 0;
          const std::int32_t other = row(is_b ? ~entry.other : entry.other);
          layer.consumers.push_back({positions[static_cast<std::size_t>(entry.gate)], is_b ? ~other : other});
        }
        layer.consumers_begin.push_back(static_cast<std::int32_t>(layer.consumers.size()));
      }
    }
    if (l + 1 == layers) {
      const std::int64_t group = layer.gates / classes;
      layer.class_of.resize(w.gates());
      for (std::size_t g = 0; g < w.gates(); ++g) {
        layer.scores.push_back({row(w.a[g]), row(w.b[g]), positions[g], 0});
        layer.class_of[static_cast<std::size_t>(positions[g])] =
            static_cast<std::uint16_t>(static_cast<std::int64_t>(g) / group);
      }
    }
    rows = std::move(positions);
  }
  return plan;
}

}  // namespace dltonic::logic::gpu
