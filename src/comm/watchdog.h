/// Looks a few times a second whether this rank has stayed longer in its innermost phase than that phase allows.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dltonic::comm {

class Watchdog {
 public:
  /// `end_job` gets the line to print and does not return; it is called from the watchdog's own thread.
  explicit Watchdog(std::function<void(const std::string&)> end_job);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Phases nest per thread. Returns the phase's number.
  std::uint64_t begin(const std::string& name, double limit_s);
  void end(std::uint64_t phase);
  void alive(std::uint64_t phase);

  /// The collective that the calling thread is in.
  void enter(const std::string& operation);
  void leave();

  /// `failure` is asked at every look and must answer at once, from the watchdog's thread: "" where all is well, else a
  /// line that ends the job, with what the thread that added the probe is at. Returns the probe's number.
  std::uint64_t add_probe(std::function<std::string()> failure);
  void remove_probe(std::uint64_t probe);  ///< once back, it is not asked any more

  void set_step(std::int64_t step) { step_ = step; }
  std::int64_t step() const { return step_; }

 private:
  struct Entry {
    std::uint64_t number;
    std::thread::id thread;
    std::string name;
    double limit_s;
    double since;  ///< steady seconds
  };
  struct Waiting {
    std::thread::id thread;
    std::string operation;
  };
  struct Probe {
    std::uint64_t number;
    std::thread::id thread;
    std::function<std::string()> failure;
  };

  void watch();
  std::string overdue(double now) const;  ///< the line, or "" where all is well
  std::string failed() const;             ///< the same of the probes
  const Waiting* waiting_of(const Entry& phase) const;
  std::string place(const Entry& phase) const;
  void restart_innermost(std::thread::id thread);

  std::function<void(const std::string&)> end_job_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::uint64_t next_ = 1;
  std::vector<Entry> phases_;  ///< of all threads, oldest first
  std::vector<Waiting> waiting_;
  mutable std::mutex probes_mutex_;  ///< held while probes are asked; taken before mutex_
  std::vector<Probe> probes_;
  std::atomic<std::int64_t> step_{-1};
  std::thread thread_;
};

}  // namespace dltonic::comm
