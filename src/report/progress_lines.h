#pragma once

#include <functional>

#include "dltonic/core/progress.h"
#include "report/task.h"

namespace dltonic::report {

/// Lines of the log, at each tenth of a task but five seconds apart at least, and after 30 seconds in any case: a short task is
/// silent, a long one does not flood a job's output.
class ProgressLines : public Progress {
 public:
  explicit ProgressLines(std::function<double()> clock) : clock_(std::move(clock)) {}
  void begin(const std::string& what, std::uint64_t total, const std::string& unit) override;
  void advance(std::uint64_t done, const std::string& note) override;
  void end(const std::string& note) override;

 private:
  std::function<double()> clock_;
  Task task_;
  double last_line_s_ = 0;
  int last_tenth_ = 0;
};

}  // namespace dltonic::report
