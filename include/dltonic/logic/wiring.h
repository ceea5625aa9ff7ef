/// Which two inputs each gate of a layer reads.
///
/// Every kind uses every input, with fan-outs that differ by at most one, and joins no input with itself. `chain` and
/// `unique` hold no pair twice (in either order); `random` may. Where a layer has more inputs than 2 × gates, none is used
/// twice and `unused_inputs` of them are not used at all.
///
/// chain (the default): the gates form walks over the inputs, gate i joining the i-th input visited with the next one. In
/// a square layer that is one random cycle: every input feeds exactly two gates, neighbours in the walk, so a kernel that
/// follows the walk moves every row of x, g and dx once (gate_layer.h). Accuracy was seen to equal that of random wiring.
/// Other shapes are walks through concatenated random permutations of the inputs, with short walks for the remainder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dltonic::logic {

enum class WiringKind : std::uint8_t { chain, random, unique };
/// Throws ConfigError for another word.
WiringKind wiring_kind_from(const std::string& word);

/// Gate i reads inputs a[i] and b[i]. Gates stand in canonical order (a last layer's class groups contiguous), as
/// checkpoints, imports and exports hold them. Imported wiring may have a == b and any fan-out.
struct Wiring {
  std::vector<std::int32_t> a, b;
  std::size_t gates() const { return a.size(); }
  bool operator==(const Wiring&) const = default;
};

/// A wiring of `gates` gates over `inputs` inputs: a function of (kind, sizes, seed, layer, last) alone.
/// `last`: the order of gates is shuffled, so that a class (a run of canonical gates) is not a run of the walk.
/// Throws ConfigError where inputs < 2, or where `chain` or `unique` would need more pairs than there are.
Wiring make_wiring(WiringKind kind, int inputs, int gates, std::uint64_t seed, std::uint32_t layer, bool last);

/// Inputs that no gate can read: max(0, inputs - 2 × gates).
constexpr std::int64_t unused_inputs(std::int64_t inputs, std::int64_t gates) {
  return inputs > 2 * gates ? inputs - 2 * gates : 0;
}

/// Throws DataError where a and b differ in length or an index lies outside 0 … inputs-1.
void check_wiring(const Wiring& wiring, std::int64_t inputs);

}  // namespace dltonic::logic
