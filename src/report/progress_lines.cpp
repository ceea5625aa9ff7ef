#include "report/progress_lines.h"

#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::report {
namespace {
constexpr double kLeastInterval_s = 5;
constexpr double kMostInterval_s = 30;
}  // namespace

void ProgressLines::begin(const std::string& what, std::uint64_t total, const std::string& unit) {
  last_line_s_ = clock_();
  last_tenth_ = 0;
  task_ = Task(what, total, unit, last_line_s_);
}

void ProgressLines::advance(std::uint64_t done, const std::string& note) {
  const double now_s = clock_();
  task_.advance(done, note, now_s);
  const int tenth = static_cast<int>(task_.fraction() * 10);
  const double since_s = now_s - last_line_s_;
  const bool is_due = since_s >= kMostInterval_s || (tenth > last_tenth_ && since_s >= kLeastInterval_s);
  if (!is_due || (task_.total() > 0 && done >= task_.total())) return;  // what is complete is told by its result
  last_line_s_ = now_s;
  last_tenth_ = tenth;
  std::vector<std::string> parts;
  for (const auto& part : {task_.percent(), task_.counts() + " " + task_.unit(), task_.speed(), task_.left(), task_.note()}) {
    if (!part.empty()) parts.push_back(part);
  }
  log::info(cat(task_.what(), ": ", join(parts)));
}

void ProgressLines::end(const std::string& note) {
  if (!note.empty()) log::info(cat(task_.what(), ": ", note));
  task_ = {};
}

}  // namespace dltonic::report
