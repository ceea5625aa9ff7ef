#include "dltonic/data/splits.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {

using events::Split;

struct Recordings {
  std::vector<std::uint16_t> labels;
  std::vector<Split> published;
};

Recordings recordings(int classes, int of_each, Split split) {
  Recordings r;
  for (int c = 0; c < classes; ++c) {
    for (int i = 0; i < of_each; ++i) {
      r.labels.push_back(static_cast<std::uint16_t>(c));
      r.published.push_back(split);
    }
  }
  return r;
}

std::int64_t of_class(const std::vector<std::uint32_t>& split, const Recordings& r, int c) {
  return std::count_if(split.begin(), split.end(), [&](std::uint32_t i) { return r.labels[i] == c; });
}

TEST(Splits, EveryClassGivesItsShareAndNothingIsLostOrTwice) {
  const auto r = recordings(7, 40, Split::none);
  const auto s = make_splits(r.labels, r.published, {.val_split = 0.1, .test_split = 0.25, .split_seed = 3});
  for (int c = 0; c < 7; ++c) {
    EXPECT_EQ(of_class(s.test, r, c), 10);
    EXPECT_EQ(of_class(s.val, r, c), 3);  // a tenth of the 30 that are left
    EXPECT_EQ(of_class(s.train, r, c), 27);
  }
  std::set<std::uint32_t> all;
  for (const auto* part : {&s.train, &s.val, &s.test}) {
    EXPECT_TRUE(std::is_sorted(part->begin(), part->end()));
    all.insert(part->begin(), part->end());
  }
  EXPECT_EQ(all.size(), r.labels.size());
}

TEST(Splits, PublishedTestRecordingsStayTest) {
  auto r = recordings(3, 10, Split::train);
  for (std::size_t i = 0; i < r.labels.size(); i += 5) r.published[i] = Split::test;
  const auto s = make_splits(r.labels, r.published, {.val_split = 0.25, .test_split = 0.9, .split_seed = 0});
  EXPECT_EQ(s.test, (std::vector<std::uint32_t>{0, 5, 10, 15, 20, 25}));
  EXPECT_EQ(s.val.size(), 6u);  // a quarter of 8 a class
  EXPECT_EQ(s.train.size(), 18u);
}

TEST(Splits, AreAFunctionOfTheSeed) {
  const auto r = recordings(4, 50, Split::none);
  const SplitOptions options{.val_split = 0.1, .test_split = 0.1, .split_seed = 5};
  SplitOptions other = options;
  other.split_seed = 6;
  EXPECT_EQ(make_splits(r.labels, r.published, options).hash(), make_splits(r.labels, r.published, options).hash());
  EXPECT_NE(make_splits(r.labels, r.published, options).hash(), make_splits(r.labels, r.published, other).hash());
}

TEST(Splits, ASmallClassStillValidates) {
  const auto r = recordings(2, 3, Split::train);
  const auto s = make_splits(r.labels, r.published, {.val_split = 0.05, .test_split = 0, .split_seed = 0});
  EXPECT_EQ(of_class(s.val, r, 0), 1);
  EXPECT_EQ(of_class(s.val, r, 1), 1);
}

TEST(Splits, AreStoredUnderTheirHash) {
  const auto folder = std::filesystem::temp_directory_path() / ("dltonic_splits_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const auto r = recordings(2, 10, Split::none);
  const auto s = make_splits(r.labels, r.published, {});
  const auto path = store_splits(s, folder, "tiny");
  EXPECT_EQ(path.filename().string(), "tiny-splits-" + s.hash().substr(0, 16) + ".json");
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove_all(folder);
  EXPECT_THROW(s.by_name("tset"), ConfigError);
}

TEST(Splits, StratifiedDrawsAnew) {
  auto r = recordings(3, 20, Split::train);
  for (std::size_t i = 0; i < 10; ++i) r.published[i] = Split::test;
  const auto s =
      make_splits(r.labels, r.published, {.val_split = 0, .test_split = 0.1, .split_seed = 0, .split = "stratified"});
  EXPECT_EQ(s.test.size(), 6u);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(of_class(s.test, r, c), 2);
}

TEST(Splits, TebnTestsTheFirstHundredOfEachClass) {
  const auto r = recordings(2, 150, Split::none);
  std::vector<std::string> names;
  for (int c = 0; c < 2; ++c) {
    for (int i = 0; i < 150; ++i) names.push_back("cat/cifar10_cat_" + std::to_string((i * 7) % 150) + ".aedat");
  }
  const SplitOptions options{.val_split = 0.1, .test_split = 0.5, .split_seed = 0, .split = "tebn"};
  const auto s = make_splits(r.labels, r.published, options, {.sources = names});
  EXPECT_EQ(s.test.size(), 200u);
  EXPECT_EQ(s.val.size(), 10u);
  for (const std::uint32_t i : s.test) EXPECT_LT((i % 150) * 7 % 150, 100u);
  names[3] = "cat/cat.aedat";
  EXPECT_THROW(make_splits(r.labels, r.published, options, {.sources = names}), DataError);
  EXPECT_THROW(make_splits(r.labels, r.published, options), DataError);
}

TEST(Splits, NoPersonIsInTwoParts) {
  const auto r = recordings(5, 60, Split::none);
  std::vector<std::uint16_t> persons;
  for (std::size_t i = 0; i < r.labels.size(); ++i) persons.push_back(static_cast<std::uint16_t>(1 + i % 20));
  const SplitOptions options{.val_split = 0.25, .test_split = 0.2, .split_seed = 4, .split = "user"};
  const auto s = make_splits(r.labels, r.published, options, {.subjects = persons});
  std::map<std::uint16_t, std::set<int>> parts;
  int part = 0;
  for (const auto* list : {&s.train, &s.val, &s.test}) {
    for (const std::uint32_t i : *list) parts[persons[i]].insert(part);
    ++part;
  }
  EXPECT_EQ(parts.size(), 20u);
  for (const auto& [person, in] : parts) EXPECT_EQ(in.size(), 1u) << "person " << person;
  EXPECT_EQ(s.test.size(), 4u * 15);
  EXPECT_EQ(s.val.size(), 4u * 15);
  EXPECT_EQ(s.train.size(), 12u * 15);

  // Published tests stay; nobody of them trains or validates.
  auto published = r.published;
  for (std::size_t i = 0; i < published.size(); ++i) published[i] = persons[i] > 15 ? Split::test : Split::train;
  const auto kept = make_splits(r.labels, published, options, {.subjects = persons});
  EXPECT_EQ(kept.test.size(), 5u * 15);
  persons[7] = 65535;
  EXPECT_THROW(make_splits(r.labels, r.published, options, {.subjects = persons}), DataError);
}

}  // namespace
}  // namespace dltonic::data
