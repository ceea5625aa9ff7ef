#include "dltonic/core/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace dltonic {
namespace {

TEST(Text, CatAndJoin) {
  EXPECT_EQ(cat("a", 1, ' ', 2.5, std::string("z")), "a1 2.5z");
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "", "c"}, "|"), "a||c");
}

TEST(Text, NumbersForPeople) {
  EXPECT_EQ(fixed(0.98765, 2), "0.99");
  EXPECT_EQ(fixed(-1.0, 0), "-1");
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(123456), "123,456");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(173'200'000), "173.2 MB");
  EXPECT_EQ(human_bytes(5'000'000'000'000'000), "5000.0 TB");
  EXPECT_EQ(human_seconds(0.2), "0 s");
  EXPECT_EQ(human_seconds(42), "42 s");
  EXPECT_EQ(human_seconds(59.7), "1 min 00 s");
  EXPECT_EQ(human_seconds(187), "3 min 07 s");
  EXPECT_EQ(human_seconds(7500), "2 h 05 min");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "unknown");
}

TEST(Text, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("gatse", "gates"), 2u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(Text, NearestFindsTheNearOneOrNone) {
  const std::vector<std::string> keys{"model.gates", "model.layers", "train.epochs"};
  EXPECT_EQ(nearest("model.gatse", keys), "model.gates");
  EXPECT_EQ(nearest("train.epoch", keys), "train.epochs");
  EXPECT_EQ(nearest("model.layers", keys), "model.layers");
  EXPECT_EQ(nearest("report.tensorboard", keys), "");
  EXPECT_EQ(nearest("x", {}), "");
  // "A third of the word's length + 1": 3 letters forgive 2 edits, not 3.
  EXPECT_EQ(nearest("abc", {"axy"}), "axy");
  EXPECT_EQ(nearest("abc", {"xyz"}), "");
}

}  // namespace
}  // namespace dltonic
