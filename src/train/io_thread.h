/// The thread of a rank that writes checkpoints: from its first job on nothing else enters HDF5 but what takes its lock
/// (store/h5.h). One job at a time.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace dltonic::train {

class IoThread {
 public:
  IoThread();
  /// Waits for the running job.
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  /// The job must not throw; no other may be running.
  void start(std::function<void()> job);
  bool busy() const;
  void wait() const;

 private:
  void work();

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::function<void()> job_;  ///< empty: none is running
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace dltonic::train
