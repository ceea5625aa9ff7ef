#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "dltonic/core/log.h"
#include "dltonic/core/progress.h"
#include "report/task.h"

namespace dltonic::report {

/// "epoch 3/10  45 % [=======>        ] 24,300/54,000  4,390 samples/s  7 s left  loss 0.3121", cut to `columns`: first
/// the bar gives way, then what stands last.
std::string bar_line(const Task& task, int columns);

/// One line, drawn again at most ten times a second, gone when its task ends. Log lines appear above it.
class ProgressBar : public Progress, private log::ConsoleOwner {
 public:
  /// Draws to `fd`, as wide as `terminal` is.
  ProgressBar(int fd, std::string terminal, std::function<double()> clock);
  ~ProgressBar() override;
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void begin(const std::string& what, std::uint64_t total, const std::string& unit) override;
  void advance(std::uint64_t done, const std::string& note) override;
  void end(const std::string& note) override;

 private:
  void hide() override;
  void show() override;
  void draw();   ///< with mutex_ held
  void clear();  ///< with mutex_ held

  int fd_;
  std::string terminal_;
  std::function<double()> clock_;
  std::mutex mutex_;  ///< never held while logging: the log calls hide() and show() with its own lock held
  Task task_;
  bool active_ = false, drawn_ = false, hidden_ = false;
  double last_draw_s_ = 0;
};

}  // namespace dltonic::report
