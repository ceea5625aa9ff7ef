/// Errors out of parallel loops, which no exception may leave.
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <mutex>

namespace dltonic {

/// What the parts of a loop threw: that of the lowest number, whichever thread was first.
class ThreadError {
 public:
  /// Runs part `number`. Whether nothing was thrown. Any number of threads at once.
  template <class Work>
  bool keep(std::size_t number, Work work) {
    try {
      work();
      return true;
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (number <= number_) {
        number_ = number;
        error_ = std::current_exception();
      }
      return false;
    }
  }
  /// Throws it again, if there was one. After the loop.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::size_t number_ = std::numeric_limits<std::size_t>::max();
  std::exception_ptr error_;
};

}  // namespace dltonic
