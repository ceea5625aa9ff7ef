#include "app/submit/process.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"

namespace dltonic::app {
namespace {

TEST(Process, GivesCodeAndBothOutputs) {
  const auto result = run_process({"sh", "-c", "cat; echo no >&2; exit 7"}, "input\n");
  EXPECT_EQ(result.code, 7);
  EXPECT_EQ(result.out, "input\n");
  EXPECT_EQ(result.err, "no\n");
  EXPECT_EQ(run_process({"sh", "-c", "kill -USR1 $$"}).code, 128 + 10);
}

TEST(Process, MuchInputAndOutputDoNotStopEachOther) {
  const std::string much(3'000'000, 'x');
  EXPECT_EQ(run_process({"sh", "-c", "cat >&2; cat"}, much).err.size(), much.size());
}

TEST(Process, HasTheEnvironmentThatThisOneWasStartedWith) {
  ::setenv("DLTONIC_SET_LATER", "1", 1);
  EXPECT_EQ(run_process({"sh", "-c", "echo ${DLTONIC_SET_LATER:-unset} ${PATH:+path}"}).out, "unset path\n");
  ::unsetenv("DLTONIC_SET_LATER");
}

TEST(Process, EndsWhatGivesNoAnswer) {
  const Stopwatch watch;
  EXPECT_THROW(run_process({"sleep", "60"}, {}, 0.2), StorageError);
  EXPECT_LT(watch.seconds(), 20);
}

TEST(Process, WhatIsNotThere) {
  EXPECT_THROW(run_process({"/nonexistent/program"}), StorageError);
  EXPECT_TRUE(has_program("sh"));
  EXPECT_TRUE(has_program("/bin/sh"));
  EXPECT_FALSE(has_program("no-such-program-anywhere"));
  EXPECT_FALSE(has_program("/nonexistent/program"));
}

}  // namespace
}  // namespace dltonic::app
