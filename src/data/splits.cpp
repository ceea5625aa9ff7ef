#include "dltonic/data/splits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"

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

/// 57 of "cat/cifar10_cat_57.aedat".
std::optional<std::uint64_t> number_at_end(const std::string& source) {
  const std::string stem = std::filesystem::path(source).stem().string();
  std::size_t begin = stem.size();
  while (begin > 0 && stem[begin - 1] >= '0' && stem[begin - 1] <= '9') --begin;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stem.data() + begin, stem.data() + stem.size(), number);
  if (error != std::errc{} || begin == stem.size()) return std::nullopt;
  return number;
}

/// Of each class the recordings 0 to 99 test.
void split_tebn(std::size_t recordings, const RecordingNames& names, Splits& splits) {
  constexpr std::uint64_t kTests = 100;
  for (std::uint32_t i = 0; i < recordings; ++i) {
    const auto number = names.sources.empty() ? std::nullopt : number_at_end(names.sources[i]);
    if (!number) {
      throw DataError(cat("data.split=tebn splits by the number at the end of a recording's name, and ",
                          names.sources.empty() ? std::string("names are not known") : names.sources[i] + " has none"));
    }
    (*number < kTests ? splits.test : splits.train).push_back(i);
  }
}

/// Takes round(share × n) persons out of `pool` with all their recordings, and returns these; both stay sorted.
std::vector<std::uint32_t> take_persons(std::vector<std::uint32_t>& pool, std::span<const std::uint16_t> subjects, double share,
                                        std::uint64_t seed, std::uint32_t purpose) {
  constexpr std::uint32_t kPersons = 65536;  // no class has this number: other draws than those of classes
  std::set<std::uint16_t> persons;
  for (const std::uint32_t recording : pool) persons.insert(subjects[recording]);
  const std::vector<std::uint16_t> all(persons.begin(), persons.end());
  const auto n = static_cast<std::uint32_t>(all.size());
  auto count = static_cast<std::uint32_t>(std::lround(share * n));
  if (share > 0 && count == 0 && n >= 2) count = 1;
  const auto order = permutation(n, Random(seed, Use::split, kPersons, purpose));
  std::set<std::uint16_t> chosen;
  for (std::uint32_t i = 0; i < count; ++i) chosen.insert(all[order[i]]);
  std::vector<std::uint32_t> taken;
  std::erase_if(pool, [&](std::uint32_t recording) {
    if (!chosen.contains(subjects[recording])) return false;
    taken.push_back(recording);
    return true;
  });
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

void SplitOptions::bind(config::Section& data) {
  data.key("split", split,
           "published: as the data set publishes it, what it leaves open is drawn (stratified by class); stratified: all is "
           "drawn; "
           "tebn: of each class the recordings 0 to 99 test (CIFAR10-DVS); user: no person is in two parts (DVS128 Gesture)")
      .choices({"published", "stratified", "tebn", "user"});
  data.key("val_split", val_split, "share of the training recordings that validates").min(0).below(1);
  data.key("test_split", test_split, "share that tests, of recordings without a published split").min(0).below(1);
  data.key("split_seed", split_seed, "seed of the splits, apart from train.seed");
}

Splits make_splits(std::span<const std::uint16_t> labels, std::span<const events::Split> published, const SplitOptions& options,
                   const RecordingNames& names) {
  Splits splits;
  if (options.split == "tebn") {
    split_tebn(labels.size(), names, splits);
    splits.val = take_stratified(splits.train, labels, options.val_split, options.split_seed, 1);
    return splits;
  }
  const bool by_person = options.split == "user";
  if (by_person) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (names.subjects.empty() || names.subjects[i] == 65535)
        throw DataError("data.split=user splits by persons, and the persons of these recordings are not known");
    }
  } else if (options.split != "published" && options.split != "stratified") {
    throw ConfigError(cat("data.split: unknown word \"", options.split, "\"; use published, stratified, tebn or user"));
  }
  std::vector<std::uint32_t> undecided;
  for (std::uint32_t i = 0; i < labels.size(); ++i) {
    switch (options.split == "stratified" ? events::Split::none : published[i]) {
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
  const auto take = [&](std::vector<std::uint32_t>& pool, double share, std::uint32_t purpose) {
    return by_person ? take_persons(pool, names.subjects, share, options.split_seed, purpose)
                     : take_stratified(pool, labels, share, options.split_seed, purpose);
  };
  const auto drawn = take(undecided, options.test_split, 0);
  splits.test.insert(splits.test.end(), drawn.begin(), drawn.end());
  splits.train.insert(splits.train.end(), undecided.begin(), undecided.end());
  std::sort(splits.test.begin(), splits.test.end());
  std::sort(splits.train.begin(), splits.train.end());
  splits.val = take(splits.train, options.val_split, 1);
  return splits;
}

std::filesystem::path store_splits(const Splits& splits, const std::filesystem::path& folder, const std::string& name) {
  const auto path = folder / (name + "-splits-" + splits.hash().substr(0, 16) + ".json");
  if (!std::filesystem::exists(path)) write_file_atomic(path, as_json(splits).dump() + "\n");
  return path;
}

}  // namespace dltonic::data
