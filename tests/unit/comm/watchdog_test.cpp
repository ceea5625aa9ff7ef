#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "comm/watchdog.h"

using dltonic::comm::Watchdog;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

namespace {

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A watchdog whose "end of the job" is a promise.
struct Watched {
  std::promise<std::string> line;
  std::future<std::string> future = line.get_future();
  std::atomic<double> barked_at_s = 0;
  Watchdog dog{[this](const std::string& text) {
    barked_at_s = now_s();
    line.set_value(text);
  }};

  bool barks_within(std::chrono::milliseconds time) { return future.wait_for(time) == std::future_status::ready; }
  /// Of the phase, as the line has it: on a machine that stands still now and then, what was measured is asserted.
  double said_s() {
    const std::string text = future.get();
    return std::stod(text.substr(text.find(" after ") + 7));
  }
};

constexpr double kRounding_s = 0.051;  ///< of what a line says

}  // namespace

TEST(Watchdog, EndsAPhaseThatLastsTooLongAndSaysWhich) {
  Watched w;
  w.dog.set_step(17);
  w.dog.begin("training", 0.3);
  w.dog.enter("a sum of 5 values");
  ASSERT_TRUE(w.barks_within(3000ms));
  EXPECT_THAT(w.future.get(),
              AllOf(HasSubstr("stuck in training, step 17"), HasSubstr("waiting for other ranks in a sum of 5 values"),
                    HasSubstr("the limit is 0.3 s")));
}

TEST(Watchdog, SaysThatARankIsWorkingItself) {
  Watched w;
  w.dog.begin("saving", 0.3);
  ASSERT_TRUE(w.barks_within(3000ms));
  EXPECT_THAT(w.future.get(), AllOf(HasSubstr("stuck in saving: still working"), testing::Not(HasSubstr("step"))));
}

TEST(Watchdog, WhoeverWaitsLetsTheOneThatWorksSpeakFirst) {
  constexpr double kLimit_s = 0.3, kPatience_s = 0.5;
  for (int i = 0; i < 10; ++i) {
    Watched waits, works;
    waits.dog.begin("step", kLimit_s);
    waits.dog.enter("a sum of 5 values");
    works.dog.begin("step", kLimit_s);
    ASSERT_TRUE(works.barks_within(10s));
    ASSERT_TRUE(waits.barks_within(10s));
    ASSERT_GT(waits.said_s(), kLimit_s + kPatience_s - kRounding_s);
    if (works.said_s() < kLimit_s + kPatience_s - kRounding_s) return;  // else the machine stood still for that long
  }
  FAIL() << "the one that works is as patient as the one that waits";
}

TEST(Watchdog, TheInnermostLimitCountsAndTheOuterClockStartsAnew) {
  Watched w;
  w.dog.begin("step", 0.5);
  const auto inner = w.dog.begin("saving", 60);
  EXPECT_FALSE(w.barks_within(1200ms));  // longer than the outer limit
  const double since_s = now_s();
  w.dog.end(inner);
  ASSERT_TRUE(w.barks_within(10s));
  EXPECT_LE(w.said_s(), w.barked_at_s - since_s + kRounding_s);
}

TEST(Watchdog, NoPhaseIsNoLimit) {
  Watched w;
  const auto outer = w.dog.begin("step", 0.5);
  w.dog.end(w.dog.begin("saving", 0.5));
  w.dog.end(outer);
  EXPECT_FALSE(w.barks_within(900ms));
}

TEST(Watchdog, AliveRestartsTheClock) {
  Watched w;
  const auto phase = w.dog.begin("preparing", 2.1);
  double since_s = 0;
  for (int i = 0; i < 8; ++i) {
    ASSERT_FALSE(w.barks_within(300ms));
    since_s = now_s();
    w.dog.alive(phase);
  }
  ASSERT_TRUE(w.barks_within(10s));
  EXPECT_LE(w.said_s(), w.barked_at_s - since_s + kRounding_s);
}

TEST(Watchdog, AnotherThreadsPhaseDoesNotHideMine) {
  Watched w;
  w.dog.begin("step", 0.4);
  std::thread([&] { w.dog.begin("background saving", 60); }).join();
  ASSERT_TRUE(w.barks_within(3000ms));
  EXPECT_THAT(w.future.get(), HasSubstr("stuck in step"));
}

TEST(Watchdog, AZeroLimitIsNone) {
  Watched w;
  w.dog.begin("debugging", 0);
  EXPECT_FALSE(w.barks_within(700ms));
}

TEST(Watchdog, AProbesFailureEndsTheJobAndSaysWhereItsThreadIs) {
  Watched w;
  w.dog.set_step(8);
  std::atomic<bool> broken = false;
  w.dog.add_probe([&]() -> std::string { return broken ? "NCCL failed: remote error" : ""; });
  w.dog.begin("the training step", 60);
  w.dog.enter("an all-reduce on the GPUs");
  std::thread([&] { w.dog.begin("background saving", 60); }).join();  // of no concern
  EXPECT_FALSE(w.barks_within(700ms));
  broken = true;
  ASSERT_TRUE(w.barks_within(2000ms));
  EXPECT_EQ(
      w.future.get(),
      "NCCL failed: remote error; in the training step, step 8: waiting for other ranks in an all-reduce on the GPUs; the "
      "job ends");
}

TEST(Watchdog, AProbeFailsOutsideOfPhasesToo) {
  Watched w;
  w.dog.add_probe([] { return std::string(); });
  w.dog.add_probe([] { return std::string("the second one failed"); });
  ASSERT_TRUE(w.barks_within(2000ms));
  EXPECT_EQ(w.future.get(), "the second one failed");
}

TEST(Watchdog, ARemovedProbeIsNotAskedAnyMore) {
  std::atomic<int> asked = 0;
  std::atomic<bool> removed = false, asked_late = false;
  Watched w;
  const auto probe = w.dog.add_probe([&] {
    if (removed) asked_late = true;
    ++asked;
    std::this_thread::sleep_for(100ms);  // removal comes in the middle of an answer
    if (removed) asked_late = true;
    return std::string();
  });
  while (asked == 0) std::this_thread::sleep_for(1ms);
  w.dog.remove_probe(probe);
  removed = true;
  const int before = asked;
  EXPECT_FALSE(w.barks_within(700ms));
  EXPECT_EQ(asked, before);
  EXPECT_FALSE(asked_late);
}

TEST(Watchdog, AsksProbesAndHoldsLimitsAtOnce) {
  Watched w;
  w.dog.add_probe([] { return std::string(); });
  w.dog.begin("training", 0.3);
  ASSERT_TRUE(w.barks_within(3000ms));
  EXPECT_THAT(w.future.get(), HasSubstr("stuck in training: still working after"));
}
