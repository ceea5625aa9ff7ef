#include "dltonic/core/stop.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

namespace dltonic {
namespace {

/// How a child process that does `work` ended, as wait() tells it.
int ended(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(StopTest, EachSignalIsAWishWithItsName) {
  const std::pair<int, const char*> signals[] = {
      {SIGTERM, "SIGTERM"}, {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGINT, "SIGINT"}};
  for (const auto& [signal, name] : signals) {
    const int status = ended([signal = signal, name = name] {
      stop::on_signals("test");
      if (stop::wished() || !stop::reason().empty()) ::_exit(1);
      ::raise(signal);
      if (!stop::wished() || stop::reason() != name) ::_exit(2);
      if (stop::command() != "test") ::_exit(3);
    });
    ASSERT_TRUE(WIFEXITED(status)) << name;
    EXPECT_EQ(WEXITSTATUS(status), 0) << name;
  }
}

TEST(StopTest, OneBurstIsOneWishAndALaterSignalEnds) {
  const int burst = ended([] {
    stop::on_signals("test");
    ::raise(SIGUSR1);
    ::raise(SIGTERM);
    if (stop::reason() != "SIGUSR1") ::_exit(1);
  });
  EXPECT_TRUE(WIFEXITED(burst) && WEXITSTATUS(burst) == 0);
  const int second = ended([] {
    stop::on_signals("test");
    ::raise(SIGUSR1);
    ::usleep(1'100'000);
    ::raise(SIGTERM);
    ::_exit(3);
  });
  ASSERT_TRUE(WIFEXITED(second));
  EXPECT_EQ(WEXITSTATUS(second), 128 + SIGTERM);
}

TEST(StopTest, OfOwnWishesTheFirstReasonStays) {
  stop::forget();
  stop::wish("the wall time");
  stop::wish("another");
  EXPECT_TRUE(stop::wished());
  EXPECT_EQ(stop::reason(), "the wall time");
  stop::forget();
  EXPECT_FALSE(stop::wished());
}

TEST(StopTest, AWishMayComeLater) {
  stop::forget();
  stop::wish_after(0.05, "the wall time");
  EXPECT_FALSE(stop::wished());
  ::usleep(60'000);
  EXPECT_TRUE(stop::wished());
  EXPECT_EQ(stop::reason(), "the wall time");
  stop::forget();
}

}  // namespace
}  // namespace dltonic
