#include "train/io_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace dltonic::train {
namespace {
/// The compute threads meet at barriers: one that loses its core for a moment holds up all. With this priority a save takes
/// what cores have left over (a tenth of one that is busy), and the step rate stays.
constexpr int kNicer = 10;
}  // namespace

IoThread::IoThread() : thread_([this] { work(); }) {}

IoThread::~IoThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void IoThread::start(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (job_) throw std::logic_error("a job is running already");
    job_ = std::move(job);
  }
  changed_.notify_all();
}

bool IoThread::busy() const {
  const std::lock_guard lock(mutex_);
  return static_cast<bool>(job_);
}

void IoThread::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !job_; });
}

void IoThread::work() {
  const auto me = static_cast<id_t>(::gettid());  // of this thread alone
  ::setpriority(PRIO_PROCESS, me, std::min(19, ::getpriority(PRIO_PROCESS, me) + kNicer));
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return job_ || stop_; });
    if (!job_) return;
    lock.unlock();
    job_();
    lock.lock();
    job_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace dltonic::train
