#include "dltonic/logic/wiring.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"

namespace dltonic::logic {
namespace {

using Index = std::uint32_t;
using Vertices = std::vector<Index>;
constexpr Index kNone = ~Index{0};

/// The pairs joined so far: a short list of neighbours an input (fan-outs are tens).
class Neighbours {
 public:
  Neighbours(Index inputs, Index most) : most_(most), count_(inputs, 0), list_(std::size_t{inputs} * most) {}
  bool joined(Index a, Index b) const {
    const Index* begin = list_.data() + std::size_t{a} * most_;
    return std::find(begin, begin + count_[a], b) != begin + count_[a];
  }
  void join(Index a, Index b) {
    list_[std::size_t{a} * most_ + count_[a]++] = b;
    list_[std::size_t{b} * most_ + count_[b]++] = a;
  }
  void forget(Index a, Index b) {
    drop(a, b);
    drop(b, a);
  }

 private:
  void drop(Index a, Index b) {
    Index* begin = list_.data() + std::size_t{a} * most_;
    *std::find(begin, begin + count_[a], b) = begin[count_[a] - 1];
    --count_[a];
  }
  std::size_t most_;
  Vertices count_, list_;
};

/// Fan-outs: every input `low` times, `higher` of them once more.
struct FanOut {
  Index low, higher;
};
FanOut fan_out(Index inputs, Index gates) {
  const std::uint64_t ends = 2 * std::uint64_t{gates};
  return {static_cast<Index>(ends / inputs), static_cast<Index>(ends % inputs)};
}

/// Lengths (in inputs visited) of the short walks that bring the remainder of the fan-outs: the walks through whole
/// permutations give every input an even fan-out.
///   low even: `higher` inputs lack one end each: pairs.
///   low odd: every input lacks one end, `higher` of them two: open walks over all inputs, those inside.
Vertices remainder_lengths(Index inputs, FanOut fan) {
  if (fan.low % 2 == 0) return Vertices(fan.higher / 2, 2);
  const Index walks = (inputs - fan.higher) / 2;
  Vertices lengths(walks, 2 + fan.higher / walks);
  for (Index i = 0; i < fan.higher % walks; ++i) ++lengths[i];
  return lengths;
}

/// Orders `pool` at random into walks of the given lengths such that no pair is joined twice, and joins them.
/// `previous`: the input in front of the first walk, `close`: the one that the last walk ends on; kNone: neither.
/// Nothing where the draw ran into a dead end (pairs joined on the way are forgotten).
std::optional<Vertices> draw_walks(Vertices pool, const Vertices& lengths, Index previous, Index close, Neighbours& joined,
                                   Random& random) {
  Vertices visits;
  std::vector<std::pair<Index, Index>> made;
  const auto join = [&](Index a, Index b) {
    joined.join(a, b);
    made.emplace_back(a, b);
  };
  const auto fail = [&]() -> std::optional<Vertices> {
    for (const auto& [a, b] : made) joined.forget(a, b);
    return std::nullopt;
  };
  const auto fits = [&](Index a, Index b) { return a != b && !joined.joined(a, b); };
  for (const Index length : lengths) {
    for (Index i = 0; i < length; ++i) {
      bool placed = false;
      for (int attempt = 0; attempt < 64 && !placed; ++attempt) {
        const Index pick = random.below(static_cast<Index>(pool.size()));
        if (previous != kNone && !fits(previous, pool[pick])) continue;
        if (previous != kNone) join(previous, pool[pick]);
        previous = pool[pick];
        visits.push_back(pool[pick]);
        pool[pick] = pool.back();
        pool.pop_back();
        placed = true;
      }
      if (!placed) return fail();
    }
    previous = kNone;
  }
  if (close != kNone) {
    if (!fits(visits.back(), close)) return fail();
    join(visits.back(), close);
  }
  return visits;
}

Wiring from_pairs(const std::vector<std::pair<Index, Index>>& pairs) {
  Wiring wiring;
  for (const auto& [a, b] : pairs) {
    wiring.a.push_back(static_cast<std::int32_t>(a));
    wiring.b.push_back(static_cast<std::int32_t>(b));
  }
  return wiring;
}

template <class Swap>
void fisher_yates(std::size_t n, Random& random, Swap swap) {
  for (std::size_t i = n; i > 1; --i) swap(i - 1, random.below(static_cast<Index>(i)));
}

Vertices numbers(Index n) {
  Vertices all(n);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

/// 0 … n-1 in random order; goes on with `random`, unlike core's permutation(), so that several can be drawn.
Vertices shuffled(Index n, Random& random) {
  Vertices all = numbers(n);
  fisher_yates(n, random, [&](std::size_t i, std::size_t j) { std::swap(all[i], all[j]); });
  return all;
}

/// Walks through random permutations, none of whose pairs repeats. Nothing where the pairs are too dense for that.
std::optional<Wiring> random_walks(Index inputs, Index gates, Random& random) {
  constexpr int kAttempts = 50;
  const FanOut fan = fan_out(inputs, gates);
  Neighbours joined(inputs, fan.low + 2);
  const Index rounds = fan.low / 2;
  std::vector<std::pair<Index, Index>> pairs;
  Vertices walk;
  for (Index round = 0; round < rounds; ++round) {
    // one closed walk through all rounds: the last leads back to the very first input
    const Index previous = round == 0 ? kNone : walk.back();
    const Index close = round == 0 || round + 1 < rounds ? kNone : walk.front();
    std::optional<Vertices> part;
    for (int attempt = 0; attempt < kAttempts && !part; ++attempt) {
      part = draw_walks(numbers(inputs), {inputs}, previous, close, joined, random);
    }
    if (!part) return std::nullopt;
    walk.insert(walk.end(), part->begin(), part->end());
  }
  if (rounds == 1) joined.join(walk.back(), walk.front());
  for (std::size_t i = 0; i < walk.size(); ++i) pairs.emplace_back(walk[i], walk[(i + 1) % walk.size()]);

  const Vertices lengths = remainder_lengths(inputs, fan);
  const Index visited = std::accumulate(lengths.begin(), lengths.end(), 0u);
  std::optional<Vertices> rest;
  for (int attempt = 0; attempt < kAttempts && !rest; ++attempt) {
    Vertices pool = shuffled(inputs, random);
    pool.resize(visited);
    rest = draw_walks(std::move(pool), lengths, kNone, kNone, joined, random);
  }
  if (!rest) return std::nullopt;
  std::size_t at = 0;
  for (const Index length : lengths) {
    for (Index i = 0; i + 1 < length; ++i) pairs.emplace_back((*rest)[at + i], (*rest)[at + i + 1]);
    at += length;
  }
  return from_pairs(pairs);
}

/// The dense case: circulant steps over relabelled inputs, input i joined with i + s. Every step s < inputs/2 adds two
/// ends to every input and no pair twice, so any number of pairs up to all of them is reached; the remainder is cut out
/// of the cycle of step 1 (or, where that is used up, of the pairs of opposite inputs).
Wiring circulant(Index inputs, Index gates, Random& random) {
  const FanOut fan = fan_out(inputs, gates);
  const Vertices label = shuffled(inputs, random);
  const Index rounds = fan.low / 2;
  const Index steps = (inputs - 1) / 2;  // without that of opposite inputs
  std::vector<std::pair<Index, Index>> pairs;
  const auto add = [&](Index i, Index step) { pairs.emplace_back(label[i], label[(i + step) % inputs]); };
  const Index first = rounds < steps ? 2 : 1;  // keep step 1 for the remainder
  for (Index step = first; step < first + rounds; ++step) {
    const Index cycles = std::gcd(inputs, step);
    for (Index start = 0; start < cycles; ++start) {
      for (Index i = start, n = 0; n < inputs / cycles; ++n, i = (i + step) % inputs) add(i, step);
    }
  }
  if (fan.low % 2 == 0) {
    for (Index i = 0; i < fan.higher / 2; ++i) {
      if (first == 2) add(2 * i, 1);
      else add(i, inputs / 2);
    }
  } else if (first == 2) {
    const Index removed = (inputs - fan.higher) / 2;  // pairs of the cycle, no two of them neighbours
    for (Index i = 0; i < inputs; ++i) {
      if (i % 2 == 1 || i / 2 >= removed) add(i, 1);
    }
  } else {
    for (Index i = 0; i < inputs / 2; ++i) add(i, inputs / 2);
  }
  return from_pairs(pairs);
}

void shuffle(Wiring& wiring, Random& random) {
  fisher_yates(wiring.gates(), random, [&](std::size_t i, std::size_t j) {
    std::swap(wiring.a[i], wiring.a[j]);
    std::swap(wiring.b[i], wiring.b[j]);
  });
}

/// Random ends of even fan-out, paired as they come; a gate that joins an input with itself (and, for `unique`, a pair
/// that is there already) swaps operand B with a random other gate. That comes to an end for `random`, because no input
/// has more than half of all ends; for `unique` nothing is returned where the pairs are too dense.
std::optional<Wiring> random_pairs(Index inputs, Index gates, bool unique, Random& random) {
  const FanOut fan = fan_out(inputs, gates);
  const Vertices order = shuffled(inputs, random);
  Vertices ends;
  ends.reserve(2 * std::size_t{gates});
  for (Index i = 0; i < inputs; ++i) ends.insert(ends.end(), fan.low + (i < fan.higher ? 1 : 0), order[i]);
  fisher_yates(ends.size(), random, [&](std::size_t i, std::size_t j) { std::swap(ends[i], ends[j]); });

  Neighbours joined(inputs, unique ? fan.low + 2 : 0);
  const auto fits = [&](Index a, Index b) { return a != b && !(unique && joined.joined(a, b)); };
  std::vector<bool> good(gates);
  Vertices open;
  for (Index i = 0; i < gates; ++i) {
    good[i] = fits(ends[2 * i], ends[2 * i + 1]);
    if (!good[i]) open.push_back(i);
    else if (unique) joined.join(ends[2 * i], ends[2 * i + 1]);
  }
  std::uint64_t budget = 1000 + 200 * std::uint64_t{gates};
  while (!open.empty()) {
    if (unique && budget-- == 0) return std::nullopt;
    const Index i = open.back(), j = random.below(gates);
    if (i == j || !good[j]) {
      if (i == j || !fits(ends[2 * i], ends[2 * j + 1]) || !fits(ends[2 * j], ends[2 * i + 1])) continue;
    }
    Index &bi = ends[2 * i + 1], &bj = ends[2 * j + 1];
    if (unique && good[j]) joined.forget(ends[2 * j], bj);
    std::swap(bi, bj);
    bool swapped = fits(ends[2 * i], bi);
    if (swapped && unique) joined.join(ends[2 * i], bi);
    if (swapped && !fits(ends[2 * j], bj)) {
      if (unique) joined.forget(ends[2 * i], bi);
      swapped = false;
    }
    if (swapped) {
      if (unique) joined.join(ends[2 * j], bj);
      open.pop_back();
      if (!good[j]) open.erase(std::find(open.begin(), open.end(), j));
      good[i] = good[j] = true;
    } else {
      std::swap(bi, bj);
      if (unique && good[j]) joined.join(ends[2 * j], bj);
    }
  }
  Wiring wiring;
  for (Index i = 0; i < gates; ++i) {
    wiring.a.push_back(static_cast<std::int32_t>(ends[2 * i]));
    wiring.b.push_back(static_cast<std::int32_t>(ends[2 * i + 1]));
  }
  return wiring;
}

}  // namespace

WiringKind wiring_kind_from(const std::string& word) {
  if (word == "chain") return WiringKind::chain;
  if (word == "random") return WiringKind::random;
  if (word == "unique") return WiringKind::unique;
  throw ConfigError(cat("model.wiring: '", word, "' is not one of chain, random, unique"));
}

Wiring make_wiring(WiringKind kind, int inputs, int gates, std::uint64_t seed, std::uint32_t layer, bool last) {
  if (inputs < 2) throw ConfigError(cat("a gate layer needs at least 2 inputs, but has ", inputs));
  if (gates < 1) throw ConfigError(cat("a gate layer needs at least 1 gate, but model.gates is ", gates));
  const auto n = static_cast<Index>(inputs);
  const auto g = static_cast<Index>(gates);
  const std::int64_t all_pairs = std::int64_t{inputs} * (inputs - 1) / 2;
  if (kind != WiringKind::random && gates > all_pairs) {
    throw ConfigError(cat("layer ", layer, ": ", gates, " gates need as many different pairs of inputs, but ", inputs,
                          " inputs have only ", all_pairs, "; use fewer gates or model.wiring=random"));
  }
  Random random(seed, Use::wiring, layer);
  std::optional<Wiring> wiring;
  if (kind == WiringKind::chain) {
    wiring = random_walks(n, g, random);
    if (!wiring) wiring = circulant(n, g, random);
    if (last) shuffle(*wiring, random);
  } else {
    wiring = random_pairs(n, g, kind == WiringKind::unique, random);
    if (!wiring) {
      wiring = circulant(n, g, random);
      shuffle(*wiring, random);
    }
  }
  return std::move(*wiring);
}

void check_wiring(const Wiring& wiring, std::int64_t inputs) {
  if (wiring.a.size() != wiring.b.size()) {
    throw DataError(cat("wiring: ", wiring.a.size(), " first operands but ", wiring.b.size(), " second ones"));
  }
  for (std::size_t i = 0; i < wiring.gates(); ++i) {
    for (const std::int32_t input : {wiring.a[i], wiring.b[i]}) {
      if (input < 0 || input >= inputs)
        throw DataError(cat("wiring: gate ", i, " reads input ", input, ", but the layer has inputs 0 to ", inputs - 1));
    }
  }
}

}  // namespace dltonic::logic
