#include <gtest/gtest.h>

#include "report/task.h"

namespace dltonic::report {
namespace {

TEST(Task, SaysHowFarAndHowFast) {
  Task task("epoch 1/2", 50'000, "samples", 100.0);
  EXPECT_EQ(task.percent(), "0 %");
  EXPECT_EQ(task.speed(), "");
  EXPECT_EQ(task.left(), "");
  task.advance(100, "", 100.1);
  task.advance(10'100, "loss 0.5", 102.1);
  EXPECT_EQ(task.percent(), "20 %");
  EXPECT_EQ(task.counts(), "10,100/50,000");
  EXPECT_EQ(task.speed(), "5,000 samples/s");
  EXPECT_EQ(task.left(), "8 s left");
  EXPECT_EQ(task.note(), "loss 0.5");
}

TEST(Task, WhatWasDoneBeforeDoesNotCountAsSpeed) {
  Task resumed("epoch 3/3", 1'000'000, "samples", 0.0);
  resumed.advance(900'000, "", 1.0);
  EXPECT_EQ(resumed.speed(), "");
  resumed.advance(900'100, "", 2.0);
  EXPECT_EQ(resumed.speed(), "100 samples/s");
}

TEST(Task, RateFollowsAChangeOfSpeed) {
  Task task("prepare", 1'000'000, "recordings", 0.0);
  std::uint64_t done = 0;
  for (int s = 0; s <= 60; ++s) task.advance(done += 1000, "", s);
  EXPECT_NEAR(task.rate(), 1000, 1);
  for (int s = 61; s <= 101; ++s) task.advance(done += 100, "", s);
  EXPECT_NEAR(task.rate(), 100, 30);  // four times the ten seconds it remembers
}

TEST(Task, UnknownTotalHasNoPercentAndNoEnd) {
  Task task("scan", 0, "files", 0.0);
  task.advance(10, "", 1.0);
  task.advance(15, "", 2.0);
  EXPECT_EQ(task.percent(), "");
  EXPECT_EQ(task.counts(), "15");
  EXPECT_EQ(task.left(), "");
  EXPECT_EQ(task.speed(), "5.00 files/s");
}

TEST(Task, MoreThanTheTotalIsAllOfIt) {
  Task task("epoch", 10, "samples", 0.0);
  task.advance(12, "", 1.0);
  EXPECT_EQ(task.fraction(), 1.0);
  EXPECT_EQ(task.percent(), "100 %");
}

}  // namespace
}  // namespace dltonic::report
