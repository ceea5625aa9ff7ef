#include "comm/watchdog.h"

#include <algorithm>
#include <chrono>

#include "dltonic/core/clock.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {
constexpr double kPollSeconds = 0.2;
/// Whoever waits for others lets them speak first: the rank that is still working is the slow one, and ends the job with its
/// own line. Longer than a look of theirs may be late.
constexpr double kWaitingSeconds = 0.5;
/// A watchdog that itself slept this long was stopped with its whole process (SIGSTOP, a suspended machine): that time
/// is nobody's fault. The watchdogs of the ranks that went on running see the stuck one.
constexpr double kStoppedSeconds = 2;
}  // namespace

Watchdog::Watchdog(std::function<void(const std::string&)> end_job)
    : end_job_(std::move(end_job)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::uint64_t Watchdog::begin(const std::string& name, double limit_s) {
  const std::lock_guard lock(mutex_);
  phases_.push_back({next_, std::this_thread::get_id(), name, limit_s, steady_seconds()});
  return next_++;
}

void Watchdog::end(std::uint64_t phase) {
  const std::lock_guard lock(mutex_);
  const auto entry = std::find_if(phases_.begin(), phases_.end(), [&](const Entry& e) { return e.number == phase; });
  if (entry == phases_.end()) return;
  const std::thread::id thread = entry->thread;
  phases_.erase(entry);
  restart_innermost(thread);  // the outer phase did not stand still while the inner one worked
}

void Watchdog::alive(std::uint64_t phase) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : phases_) {
    if (entry.number == phase) entry.since = steady_seconds();
  }
}

void Watchdog::enter(const std::string& operation) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::this_thread::get_id(), operation});
}

void Watchdog::leave() {
  const std::lock_guard lock(mutex_);
  const auto mine =
      std::find_if(waiting_.rbegin(), waiting_.rend(), [](const Waiting& w) { return w.thread == std::this_thread::get_id(); });
  if (mine != waiting_.rend()) waiting_.erase(std::next(mine).base());
}

std::uint64_t Watchdog::add_probe(std::function<std::string()> failure) {
  const std::scoped_lock lock(probes_mutex_, mutex_);
  probes_.push_back({next_, std::this_thread::get_id(), std::move(failure)});
  return next_++;
}

void Watchdog::remove_probe(std::uint64_t probe) {
  const std::lock_guard lock(probes_mutex_);
  std::erase_if(probes_, [&](const Probe& p) { return p.number == probe; });
}

void Watchdog::restart_innermost(std::thread::id thread) {
  const auto inner = std::find_if(phases_.rbegin(), phases_.rend(), [&](const Entry& e) { return e.thread == thread; });
  if (inner != phases_.rend()) inner->since = steady_seconds();
}

/// What the phase's thread waits in, innermost; null: it works.
const Watchdog::Waiting* Watchdog::waiting_of(const Entry& phase) const {
  const auto mine =
      std::find_if(waiting_.rbegin(), waiting_.rend(), [&](const Waiting& waiting) { return waiting.thread == phase.thread; });
  return mine == waiting_.rend() ? nullptr : &*mine;
}

/// "the training step, step 3: waiting for other ranks in a sum of 1 values"
std::string Watchdog::place(const Entry& phase) const {
  const Waiting* waiting = waiting_of(phase);
  const std::string doing = waiting != nullptr ? "waiting for other ranks in " + waiting->operation : "still working";
  const std::int64_t step = step_;
  return cat(phase.name, step >= 0 ? cat(", step ", step) : "", ": ", doing);
}

std::string Watchdog::failed() const {
  const std::lock_guard probes_lock(probes_mutex_);
  for (const Probe& probe : probes_) {
    const std::string failure = probe.failure();
    if (failure.empty()) continue;
    const std::lock_guard lock(mutex_);
    const auto phase = std::find_if(phases_.rbegin(), phases_.rend(), [&](const Entry& e) { return e.thread == probe.thread; });
    return phase == phases_.rend() ? failure : cat(failure, "; in ", place(*phase), "; the job ends");
  }
  return {};
}

std::string Watchdog::overdue(double now) const {
  for (auto entry = phases_.rbegin(); entry != phases_.rend(); ++entry) {
    const bool innermost =
        std::none_of(phases_.rbegin(), entry, [&](const Entry& inner) { return inner.thread == entry->thread; });
    const double patience = waiting_of(*entry) != nullptr ? kWaitingSeconds : 0;
    if (!innermost || !(entry->limit_s > 0) || now - entry->since <= entry->limit_s + patience) continue;
    return cat(
        "stuck in ", place(*entry), " after ", fixed(now - entry->since, 1), " s, the limit is ",
        fixed(entry->limit_s, entry->limit_s < 10 ? 1 : 0),
        " s; the job ends. A rank that is still working is the slow one; if the work may take this long, raise the limit");
  }
  return {};
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  double last = steady_seconds();
  while (!stop_) {
    wake_.wait_for(lock, std::chrono::duration<double>(kPollSeconds), [this] { return stop_; });
    const double now = steady_seconds();
    if (now - last > kStoppedSeconds) {
      for (Entry& entry : phases_) entry.since += now - last;
    }
    last = now;
    std::string line = overdue(now);
    lock.unlock();  // whoever removes a probe waits for its answer, and may hold a phase meanwhile
    if (line.empty()) line = failed();
    lock.lock();
    if (!line.empty() && !stop_) {
      lock.unlock();
      end_job_(line);
      return;
    }
  }
}

}  // namespace dltonic::comm
