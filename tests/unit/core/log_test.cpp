#include "dltonic/core/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"

namespace dltonic {
namespace {

class LogTest : public ::testing::Test {
 protected:
  LogTest() : path_(std::filesystem::temp_directory_path() / ("dltonic-log-" + std::to_string(::getpid()))) {
    std::filesystem::remove(path_);
  }
  ~LogTest() override {
    log::close_file();
    log::set_level(log::Level::info);
    log::set_rank(0, 1);
    log::set_console_owner(nullptr);
    std::filesystem::remove(path_);
  }
  /// What reached standard error while `work` ran.
  template <class Work>
  static std::string console(Work&& work) {
    ::testing::internal::CaptureStderr();
    work();
    log::flush();
    return ::testing::internal::GetCapturedStderr();
  }
  static std::size_t times(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }
  std::filesystem::path path_;
};

TEST_F(LogTest, OnceIsOnceAMessage) {
  const std::string said = console([] {
    for (int i = 0; i < 3; ++i) {
      log::info_once("only once: a");
      log::info_once("only once: b");
      log::info("each time");
    }
  });
  EXPECT_EQ(times(said, "only once: a\n"), 1u);
  EXPECT_EQ(times(said, "only once: b\n"), 1u);
  EXPECT_EQ(times(said, "each time\n"), 3u);
}

TEST_F(LogTest, InformationComesFromRankZeroWarningsFromEachWithItsRank) {
  log::set_rank(2, 4);
  const std::string said = console([] {
    log::info("hidden");
    log::warn("careful");
    log::error("broken");
  });
  EXPECT_EQ(said, "rank 2: warning: careful\nrank 2: error: broken\n");
  log::set_rank(0, 1);
  EXPECT_EQ(console([] { log::warn("careful"); }), "warning: careful\n");
}

TEST_F(LogTest, TheLevelHoldsForTheConsoleAndTheFileHasAll) {
  log::add_file(path_);
  log::set_level(log::Level::error);
  EXPECT_EQ(console([] {
              log::debug("detail");
              log::warn("careful");
            }),
            "");
  log::set_level(log::Level::debug);
  EXPECT_EQ(console([] { log::debug("shown"); }), "shown\n");
  log::close_file();
  const std::string file = read_text(path_);
  for (const char* message : {"debug rank 0: detail", "warning rank 0: careful", "debug rank 0: shown"}) {
    EXPECT_EQ(times(file, message), 1u) << file;
  }
}

TEST_F(LogTest, BracesInMessagesAreNoFormat) {
  EXPECT_EQ(console([] { log::info("{} {0} {"); }), "{} {0} {\n");
}

TEST_F(LogTest, LinesOfThreadsStayWhole) {
  log::add_file(path_);
  log::set_level(log::Level::error);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) log::info("thread " + std::to_string(t) + " says a whole line.");
    });
  }
  for (auto& thread : threads) thread.join();
  log::close_file();
  const std::string file = read_text(path_);
  EXPECT_EQ(times(file, " says a whole line.\n"), 800u);
  EXPECT_EQ(std::count(file.begin(), file.end(), '\n'), 800);
}

TEST_F(LogTest, TheConsoleOwnerStepsAsideForEachLine) {
  struct Bar : log::ConsoleOwner {
    void hide() override { events += 'h'; }
    void show() override { events += 's'; }
    std::string events;
  } bar;
  log::set_console_owner(&bar);
  console([] {
    log::info("a");
    log::debug("below the level");
    log::info("b");
  });
  log::set_console_owner(nullptr);
  console([] { log::info("c"); });
  EXPECT_EQ(bar.events, "hshs");
}

TEST_F(LogTest, WordsAndFaults) {
  EXPECT_EQ(log::level_from("warn"), log::Level::warn);
  EXPECT_THROW(log::level_from("loud"), ConfigError);
  EXPECT_THROW(log::add_file("/proc/nowhere/log"), StorageError);
}

}  // namespace
}  // namespace dltonic
