#include "dltonic/core/stop.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <limits>
#include <mutex>

namespace dltonic::stop {
namespace {

constexpr double kOneBurst_s = 1;

// Written by the handler: lock-free, so that it may. 0: none yet.
std::atomic<double> seen_at{0};
std::atomic<int> signal_seen{0};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<double>::is_always_lock_free);

std::mutex reason_mutex;
std::string own_reason;
std::atomic<bool> own_wish{false};
constexpr double kNever = std::numeric_limits<double>::infinity();
std::atomic<double> due_at{kNever};
std::string due_reason;
std::string own_command = "dltonic";

double now_s() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void handle(int signal) {
  const double now = now_s();
  double first = 0;
  if (seen_at.compare_exchange_strong(first, now)) signal_seen = signal;
  if (first == 0 || now - first < kOneBurst_s) return;
  constexpr char text[] = "dltonic: a second signal: ending at once, what is not saved is lost\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
  ::_exit(128 + signal);
}

std::string name_of(int signal) {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGUSR1:
      return "SIGUSR1";
    case SIGUSR2:
      return "SIGUSR2";
    case SIGINT:
      return "SIGINT";
    default:
      return "a signal";
  }
}

}  // namespace

void on_signals(const std::string& command) {
  {
    const std::lock_guard lock(reason_mutex);
    own_command = command;
  }
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;  // reads and writes under way go on
  ::sigemptyset(&action.sa_mask);
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2, SIGINT}) ::sigaction(signal, &action, nullptr);
}

void wish(const std::string& reason) {
  const std::lock_guard lock(reason_mutex);
  if (own_wish) return;
  own_reason = reason;
  own_wish = true;
}

void wish_after(double seconds, const std::string& reason) {
  const std::lock_guard lock(reason_mutex);
  due_reason = reason;
  due_at = now_s() + seconds;
}

bool wished() {
  if (signal_seen != 0 || own_wish) return true;
  if (const double due = due_at; due == kNever || now_s() < due) return false;
  std::string reason;
  {
    const std::lock_guard lock(reason_mutex);
    reason = due_reason;
  }
  wish(reason);
  return true;
}

std::string reason() {
  if (const int signal = signal_seen) return name_of(signal);
  const std::lock_guard lock(reason_mutex);
  return own_reason;
}

std::string command() {
  const std::lock_guard lock(reason_mutex);
  return own_command;
}

void forget() {
  const std::lock_guard lock(reason_mutex);
  signal_seen = 0;
  seen_at = 0;
  own_wish = false;
  own_reason.clear();
  due_at = kNever;
}

}  // namespace dltonic::stop
