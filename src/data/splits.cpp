#include "dltonic/data/splits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/random.h"

namespace dltonic::data {
namespace {

/// Takes round(share × n) random members of every class out of `pool` and returns them; both stay sorted.
/// `round` keeps draws for different purposes apart.
std::vector<std::uint32_t> take_stratified(std::vector<std::uint32_t>& pool, std::span<const std::uint16_t> labels,
                                           double share, std::uint64_t seed, std::uint32_t purpose) {
  std::map<std::uint16_t, std::vector<std::uint32_t>> by_class;
  for (const std::uint32_t recording : pool) by_class[labels[recording]].push_back(recording);
  std::vector<std::uint32_t> taken;
  std::vector<std::uint32_t> kept;
  for (const auto& [label, members] : by_class) {
    const auto n = static_cast<std::uint32_t>(members.size());
    auto count = static_cast<std::uint32_t>(std::lround(share * n));
    if (share > 0 && count == 0 && n >= 2) count = 1;
    const auto order = permutation(n, Random(seed, Use::split, label, purpose));
    for (std::uint32_t i = 0; i < n; ++i) (i < count ? taken : kept).push_back(members[order[i]]);
  }
  std::sort(taken.begin(), taken.end());
  std::sort(kept.begin(), kept.end());
  pool = std::move(kept);
  return taken;
}

nlohmann::json as_json(const Splits& splits) { return {{"train", splits.train}, {"val", splits.val}, {"test", splits.test}}; }

}  // namespace

const std::vector<std::uint32_t>& Splits::by_name(const std::string& name) const {
  if (name == "train") return train;
  if (name == "val") return val;
  if (name == "test") return test;
  throw ConfigError("split '" + name + "' is none of train, val, test");
}

std::string Splits::hash() const { return sha256_hex(as_json(*this).dump()); }

Splits make_splits(std::span<const std::uint16_t> labels, std::span<const events::Split> published,
                   const SplitOptions& options) {
  Splits splits;
  std::vector<std::uint32_t> undecided;
  for (std::uint32_t i = 0; i < labels.size(); ++i) {
    switch (published[i]) {
      case events::Split::train:
        splits.train.push_back(i);
        break;
      case events::Split::test:
        splits.test.push_back(i);
        break;
      case events::Split::none:
        undecided.push_back(i);
        break;
    }
  }
  const auto drawn = take_stratified(undecided, labels, options.test_split, options.split_seed, 0);
  splits.test.insert(splits.test.end(), drawn.begin(), drawn.end());
  splits.train.insert(splits.train.end(), undecided.begin(), undecided.end());
  std::sort(splits.test.begin(), splits.test.end());
  std::sort(splits.train.begin(), splits.train.end());
  splits.val = take_stratified(splits.train, labels, options.val_split, options.split_seed, 1);
  return splits;
}

std::filesystem::path store_splits(const Splits& splits, const std::filesystem::path& folder, const std::string& name) {
  const auto path = folder / (name + "-splits-" + splits.hash().substr(0, 16) + ".json");
  if (!std::filesystem::exists(path)) write_file_atomic(path, as_json(splits).dump() + "\n");
  return path;
}

}  // namespace dltonic::data
