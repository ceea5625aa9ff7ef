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
    for (std::int32_t first = begin; first < end;) {
      Segment s{};
      s.first = first;
      s.count = end - first >= kRunGates ? kRunGates : 1;
      s.before = first == begin ? end - 1 : first - 1;
      s.before_input = row_a(s.before);
      for (std::int32_t u = 0; u < s.count; ++u) s.in[u] = row_a(first + u);
      first += s.count;
      s.in[s.count] = row_b(first - 1);
      segments.push_back(s);
    }
  }
  return segments;
}

/// `first_pairs`: of the first layer, whose gates stand along the second's walk.
std::vector<FusedSegment> make_fused(const std::vector<Segment>& segments, const std::vector<Pair>& first_pairs) {
  const auto pair_of = [&](std::int32_t gate) { return first_pairs[static_cast<std::size_t>(gate)]; };
  std::vector<FusedSegment> fused;
  for (const Segment& s : segments) {
    FusedSegment f{{s.first, s.count, s.before, s.in[s.count]}, pair_of(s.before_input), {}};
    for (std::int32_t u = 0; u <= s.count; ++u) f.pairs[u] = pair_of(s.in[u]);
    fused.push_back(f);
  }
  return fused;
}

/// Where the layer's inputs lie: `input_order` by position, `rows` by canonical number. `positions`: of its gates.
void list_consumers(LayerPlan& layer, const Wiring& wiring, const std::vector<std::int32_t>& input_order, const Positions& rows,
                    const Positions& positions) {
  const InverseIndex index = make_inverse_index(wiring, layer.inputs);
  const auto consumer = [&](const InverseIndex::Entry& entry) {
    const bool is_b = entry.other < 0;
    const std::int32_t other = rows[static_cast<std::size_t>(is_b ? ~entry.other : entry.other)];
    return Consumer{positions[static_cast<std::size_t>(entry.gate)], is_b ? ~other : other};
  };
  layer.more_begin.assign(1, 0);
  for (const std::int32_t input : input_order) {
    TwoConsumers first{{{-1, 0}, {-1, 0}}};
    const auto begin = index.begin[static_cast<std::size_t>(input)], end = index.begin[static_cast<std::size_t>(input) + 1];
    for (auto e = begin; e < end; ++e) {
      const Consumer c = consumer(index.entries[static_cast<std::size_t>(e)]);
      if (e - begin < 2) first.two[e - begin] = c;
      else layer.more.push_back(c);
    }
    layer.consumers.push_back(first);
    layer.more_begin.push_back(static_cast<std::int32_t>(layer.more.size()));
  }
  if (layer.more.empty()) layer.more_begin.clear();
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
      if (l == 1 && layers > 2) layer.fused = make_fused(layer.segments, plan[0].pairs);
    } else if (l > 0) {
      list_consumers(layer, w, plan[l - 1].canonical, rows, positions);
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
