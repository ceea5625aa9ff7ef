#include "dltonic/data/splits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

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
  const auto folder = std::filesystem::temp_directory_path() / "dltonic_splits_test";
  std::filesystem::create_directories(folder);
  const auto r = recordings(2, 10, Split::none);
  const auto s = make_splits(r.labels, r.published, {});
  const auto path = store_splits(s, folder, "tiny");
  EXPECT_EQ(path.filename().string(), "tiny-splits-" + s.hash().substr(0, 16) + ".json");
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove_all(folder);
  EXPECT_THROW(s.by_name("tset"), ConfigError);
}

}  // namespace
}  // namespace dltonic::data
