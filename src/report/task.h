/// How far a task is and how fast: what the bar and the lines both say.
#pragma once

#include <cstdint>
#include <string>

namespace dltonic::report {

class Task {
 public:
  Task() = default;
  Task(std::string what, std::uint64_t total, std::string unit, double now_s);

  void advance(std::uint64_t done, const std::string& note, double now_s);

  const std::string& what() const { return what_; }
  const std::string& unit() const { return unit_; }
  const std::string& note() const { return note_; }
  std::uint64_t done() const { return done_; }
  std::uint64_t total() const { return total_; }
  double started_s() const { return started_s_; }
  /// In [0, 1]; 0 where the total is unknown.
  double fraction() const;
  /// Units a second over about the last ten seconds; 0 while unknown. Counted from the first advance on: what was done
  /// before (a resumed epoch) was not done now.
  double rate() const { return rate_; }
  double seconds_left() const;

  std::string percent() const;  ///< "45 %", or "" where the total is unknown
  std::string counts() const;   ///< "24,300/54,000", or "24,300" where the total is unknown
  std::string speed() const;    ///< "4,390 samples/s", or "" while unknown
  std::string left() const;     ///< "12 s left", or "" while unknown

 private:
  std::string what_, unit_, note_;
  std::uint64_t total_ = 0, done_ = 0;
  double started_s_ = 0;
  bool advanced_ = false;
  double measured_s_ = 0;            ///< when rate_ was last brought up to date
  std::uint64_t measured_done_ = 0;  ///< and what was done then
  double rate_ = 0;
};

}  // namespace dltonic::report
