#include "report/task.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dltonic/core/text.h"

namespace dltonic::report {
namespace {
constexpr double kRateMemory_s = 10;
constexpr double kRateInterval_s = 0.25;  ///< shorter measurements would only show noise
}  // namespace

Task::Task(std::string what, std::uint64_t total, std::string unit, double now_s)
    : what_(std::move(what)), unit_(std::move(unit)), total_(total), started_s_(now_s) {}

void Task::advance(std::uint64_t done, const std::string& note, double now_s) {
  done_ = done;
  note_ = note;
  if (!advanced_) {
    advanced_ = true;
    measured_s_ = now_s;
    measured_done_ = done;
    return;
  }
  const double elapsed = now_s - measured_s_;
  if (elapsed < kRateInterval_s || done < measured_done_) return;
  const double now_rate = static_cast<double>(done - measured_done_) / elapsed;
  const double weight = rate_ == 0 ? 1 : 1 - std::exp(-elapsed / kRateMemory_s);
  rate_ += weight * (now_rate - rate_);
  measured_s_ = now_s;
  measured_done_ = done;
}

double Task::fraction() const {
  return total_ == 0 ? 0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
}

double Task::seconds_left() const {
  const std::uint64_t open = total_ > done_ ? total_ - done_ : 0;
  return static_cast<double>(open) / rate_;
}

std::string Task::percent() const { return total_ == 0 ? "" : cat(static_cast<int>(100 * fraction()), " %"); }

std::string Task::counts() const {
  return total_ == 0 ? with_commas(done_) : cat(with_commas(done_), "/", with_commas(total_));
}

std::string Task::speed() const {
  if (rate_ <= 0) return "";
  return (rate_ < 10 ? fixed(rate_, 2) : with_commas(static_cast<std::uint64_t>(rate_))) + " " + unit_ + "/s";
}

std::string Task::left() const { return rate_ > 0 && total_ > 0 ? human_seconds(seconds_left()) + " left" : ""; }

}  // namespace dltonic::report
