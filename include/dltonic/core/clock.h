#pragma once

#include <string>

namespace dltonic {

/// Seconds on a steady clock, for durations.
double steady_seconds();
/// "20261122T220657Z": sorts by time and is fit for file names.
std::string utc_compact();
/// "2026-11-22T22:06:57Z".
std::string utc_iso();

/// Time since construction or the last restart.
class Stopwatch {
 public:
  double seconds() const { return steady_seconds() - start_; }
  double restart() {
    const double elapsed = seconds();
    start_ += elapsed;
    return elapsed;
  }

 private:
  double start_ = steady_seconds();
};

}  // namespace dltonic
