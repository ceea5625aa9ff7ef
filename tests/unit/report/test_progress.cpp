#include "dltonic/report/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "pseudo_terminal.h"
#include "report/progress_bar.h"
#include "temporary_folder.h"

namespace dltonic::report {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

/// Each message of the log, without time, level and rank.
class LogFile {
 public:
  LogFile() { log::add_file(folder_.path() / "log"); }
  ~LogFile() { log::close_file(); }
  std::vector<std::string> messages() const {
    log::flush();
    std::vector<std::string> found;
    std::istringstream text(read_text(folder_.path() / "log"));
    for (std::string line; std::getline(text, line);) found.push_back(line.substr(line.find("rank 0: ") + 8));
    return found;
  }

 private:
  TemporaryFolder folder_;
};

TEST(ProgressLines, AtTenthsAndAfterThirtySeconds) {
  const LogFile log_file;
  double now_s = 0;
  const auto progress = make_progress("lines", STDERR_FILENO, [&] { return now_s; });
  progress->begin("epoch 1/5", 1000, "samples");
  for (int step = 1; step <= 100; ++step) {  // 100 s: a tenth each 10 s
    now_s = step;
    progress->advance(static_cast<std::uint64_t>(step) * 10, "loss 0.3");
  }
  progress->end();
  const auto messages = log_file.messages();
  ASSERT_EQ(messages.size(), 9u);  // not at 100 %: the result follows
  EXPECT_EQ(messages[0], "epoch 1/5: 10 %, 100/1,000 samples, 10 samples/s, 1 min 30 s left, loss 0.3");
  EXPECT_EQ(messages[8], "epoch 1/5: 90 %, 900/1,000 samples, 10 samples/s, 10 s left, loss 0.3");
}

TEST(ProgressLines, LongTasksSpeakEveryThirtySeconds) {
  const LogFile log_file;
  double now_s = 0;
  const auto progress = make_progress("lines", STDERR_FILENO, [&] { return now_s; });
  progress->begin("prepare", 1'000'000, "recordings");
  for (int step = 1; step <= 95; ++step) {
    now_s = step;
    progress->advance(static_cast<std::uint64_t>(step), "");
  }
  EXPECT_EQ(log_file.messages().size(), 3u);
}

TEST(ProgressLines, ShortTasksAreSilentButForTheirResult) {
  const LogFile log_file;
  double now_s = 0;
  const auto progress = make_progress("lines", STDERR_FILENO, [&] { return now_s; });
  progress->begin("evaluate", 100, "samples");
  for (std::uint64_t done = 1; done <= 100; ++done) {
    now_s += 0.04;
    progress->advance(done, "");
  }
  progress->end();
  EXPECT_TRUE(log_file.messages().empty());
  progress->begin("prepare", 100, "recordings");
  progress->end("100 recordings in 4 s");
  EXPECT_EQ(log_file.messages(), std::vector<std::string>{"prepare: 100 recordings in 4 s"});
}

Task half_done() {
  Task task("epoch 3/10", 50'000, "samples", 0);
  task.advance(5'000, "", 0);
  task.advance(25'000, "loss 0.3121", 5);
  return task;
}

TEST(BarLine, HasAllWhereThereIsRoom) {
  EXPECT_EQ(bar_line(half_done(), 130),
            "epoch 3/10  50 % [===============>              ] 25,000/50,000  4,000 samples/s  6 s left  loss 0.3121");
}

TEST(BarLine, NeverExceedsTheWidth) {
  for (int columns = 1; columns < 130; ++columns)
    EXPECT_LE(bar_line(half_done(), columns).size(), static_cast<std::size_t>(columns));
  const auto narrow = bar_line(half_done(), 70);
  EXPECT_THAT(narrow, Not(HasSubstr("[")));  // the bar gives way first
  EXPECT_THAT(narrow, HasSubstr("6 s left"));
}

TEST(BarLine, CutsBetweenCharacters) {
  Task task("époque", 10, "é", 0);
  for (int columns = 1; columns < 20; ++columns) {
    const auto line = bar_line(task, columns);
    EXPECT_NE(static_cast<unsigned char>(line.back()), 0xC3u) << columns;  // é is C3 A9: never half of it
  }
}

class Bar : public testing::Test {
 protected:
  void SetUp() override { ::setenv("TERM", "xterm", 1); }
  double now_s_ = 0;
  PseudoTerminal pty_{100};
  std::unique_ptr<Progress> progress_ = make_progress("auto", pty_.slave(), [this] { return now_s_; });
};

TEST_F(Bar, RedrawsOneLineAndLeavesNothing) {
  progress_->begin("epoch 1/2", 100, "samples");
  const auto first = pty_.written();
  EXPECT_TRUE(first.starts_with("\repoch 1/2  0 % [>")) << first;
  now_s_ = 1;
  progress_->advance(50, "loss 1");
  const auto second = pty_.written();
  EXPECT_TRUE(second.starts_with("\repoch 1/2  50 %")) << second;
  EXPECT_THAT(second, EndsWith("\x1b[K"));
  EXPECT_THAT(second, Not(HasSubstr("\n")));
  progress_->end();
  EXPECT_EQ(pty_.written(), "\r\x1b[K");
  progress_.reset();
  EXPECT_EQ(pty_.written(), "");
}

TEST_F(Bar, DrawsTenTimesASecondAtMost) {
  progress_->begin("epoch 1/2", 100'000, "samples");
  pty_.written();
  for (std::uint64_t done = 1; done <= 10'000; ++done) {
    now_s_ += 1e-4;
    progress_->advance(done, "");
  }
  const auto text = pty_.written();
  const auto draws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GE(draws, 9);
  EXPECT_LE(draws, 10);
}

TEST_F(Bar, StepsAsideForTheLog) {
  progress_->begin("epoch 1/2", 100, "samples");
  pty_.written();
  log::warn("something");
  const auto text = pty_.written();
  EXPECT_TRUE(text.starts_with("\r\x1b[K\repoch 1/2")) << text;  // gone, then back
  progress_->end();
  pty_.written();
  log::warn("something else");
  EXPECT_EQ(pty_.written(), "");
}

TEST_F(Bar, IsAsWideAsTheWindowIsNow) {
  progress_->begin("epoch 1/2", 100'000, "samples");
  pty_.written();
  pty_.resize(20);
  now_s_ = 1;
  progress_->advance(50, "a note that is longer than the window");
  EXPECT_LE(pty_.written().size(), std::string("\r\x1b[K").size() + 19);
}

TEST_F(Bar, LogFromOtherThreadsDoesNotBlockOrTear) {
  log::set_level(log::Level::off);  // the lines themselves are of no interest, the file takes them
  const LogFile log_file;
  progress_->begin("epoch 1/2", 1000, "samples");
  std::thread talker([] {
    for (int i = 0; i < 200; ++i) log::info(cat("line ", i));
  });
  for (std::uint64_t done = 1; done <= 200; ++done) {
    now_s_ += 1;
    progress_->advance(done, "");
    pty_.written();
  }
  talker.join();
  progress_->end("done");
  log::set_level(log::Level::info);
  EXPECT_EQ(log_file.messages().size(), 201u);
}

TEST(Progress, StylesAreChosenByWordAndTerminal) {
  ::setenv("TERM", "xterm", 1);
  const PseudoTerminal pty(100);
  make_progress("off", pty.slave())->begin("a", 1, "b");
  make_progress("lines", pty.slave())->begin("a", 1, "b");
  EXPECT_EQ(pty.written(), "");
  make_progress("bar", pty.slave())->begin("a", 1, "b");
  EXPECT_THAT(pty.written(), HasSubstr("0 %"));
  EXPECT_THROW(make_progress("fancy"), ConfigError);
}

}  // namespace
}  // namespace dltonic::report
