#include "dltonic/data/residency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/core/error.h"

namespace dltonic::data {
namespace {

TEST(Residency, WordsGoBothWays) {
  for (const char* word : {"auto", "replicate", "shard", "stream"}) EXPECT_EQ(name_of(residency_from(word)), word);
  try {
    residency_from("host");
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("\"host\""), testing::HasSubstr("replicate, shard or stream")));
  }
}

TEST(Residency, AutomaticIsTheFirstThatFits) {
  const ResidencyBytes need{.replicate = 1000, .shard = 400, .stream = 30};
  const auto chosen = [&](std::size_t room) { return choose_residency(Residency::automatic, need, room); };
  EXPECT_EQ(chosen(1000), Residency::replicate);
  EXPECT_EQ(chosen(999), Residency::shard);
  EXPECT_EQ(chosen(400), Residency::shard);
  EXPECT_EQ(chosen(399), Residency::stream);
  EXPECT_EQ(chosen(0), Residency::stream);
}

TEST(Residency, WhatIsAskedForIsTakenWhetherItFitsOrNot) {
  for (const Residency r : {Residency::replicate, Residency::shard, Residency::stream}) {
    EXPECT_EQ(choose_residency(r, {.replicate = 10, .shard = 10, .stream = 10}, 0), r);
  }
}

}  // namespace
}  // namespace dltonic::data
