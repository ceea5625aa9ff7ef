#include "dltonic/store/lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "store/process_id.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;
constexpr double kEndWait_s = 10;                      ///< for a thread whose storage may not answer
constexpr auto kTurn = std::chrono::milliseconds(10);  ///< longer than to remove a dead holder's file

std::string text_of(const std::string& what) {
  static std::atomic<unsigned> count{0};  // two locks of one process are told apart
  const ProcessId me = this_process();
  return nlohmann::json{{"host", me.host},    {"space", me.space}, {"process", me.number}, {"start", me.start},
                        {"since", utc_iso()}, {"what", what},      {"count", count++}}
             .dump() +
         "\n";
}

/// A lock file as it was found.
struct Found {
  std::string text;
  double silent_s = 0;  ///< since the last sign of life
  ino_t file = 0;
  std::optional<ProcessId> process;  ///< nothing: it is just being written, or damaged
  Holder holder;
};

std::optional<Found> look_at(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  Found found;
  found.file = status.st_ino;
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  found.silent_s = static_cast<double>(now.tv_sec - status.st_mtim.tv_sec) +
                   static_cast<double>(now.tv_nsec - status.st_mtim.tv_nsec) * 1e-9;
  try {
    found.text = read_text(path);
    const auto json = nlohmann::json::parse(found.text);
    found.process = ProcessId{json.at("host"), json.at("space"), json.at("process"), json.at("start")};
    found.holder = {json.at("host"), json.at("process"), json.at("since"), json.at("what")};
  } catch (const nlohmann::json::exception&) {
    found.process = std::nullopt;
  } catch (const StorageError&) {
    return std::nullopt;
  }
  return found;
}

bool is_alive(const Found& found) {
  if (found.process) {
    if (const auto ended = has_ended(*found.process)) return !*ended;
  }
  return found.silent_s < kDeadAfter_s;
}

/// Removes a dead holder's file, one process at a time: whoever is slow would else take away the lock of whoever was quicker.
/// False where somebody else is at it, or was.
bool remove_dead(const fs::path& path, const Found& dead) {
  const fs::path turn = path.string() + ".part";
  const int fd = ::open(turn.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) {
    if (const auto other = look_at(turn); other && other->silent_s > kDeadAfter_s) ::unlink(turn.c_str());  // killed at it
    return false;
  }
  ::close(fd);
  const auto now = look_at(path);
  const bool right = now && now->text == dead.text && !is_alive(*now) && ::unlink(path.c_str()) == 0;
  ::unlink(turn.c_str());
  if (right) {
    log::info(cat("removed ", path.string(), ", left by process ", dead.holder.process, " on ",
                  dead.holder.host.empty() ? "an unknown host" : dead.holder.host, " (", dead.holder.what, " since ",
                  dead.holder.since, "), which has ended"));
  }
  return right;
}

bool create(const fs::path& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0 && errno == EEXIST) return false;
  const bool written =
      fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (written) return true;
  if (fd >= 0) ::unlink(path.c_str());
  throw StorageError(cat("cannot make the lock file ", path.string(), ": ", std::strerror(reason)));
}

}  // namespace

/// Shared with the thread, which outlives the lock where storage does not answer.
struct Lock::State {
  State(fs::path path, std::string content) : file(std::move(path)), text(std::move(content)) {}

  bool is_ours() const {
    const auto found = look_at(file);
    return found && found->text == text;
  }

  void give_signs_of_life() {
    bool lost = false;
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, std::chrono::duration<double>(kSignOfLife_s), [&] { return end; })) {
      lock.unlock();
      if (is_ours()) {
        ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
      } else if (!lost) {
        lost = true;
        log::error(cat(file.string(),
                       " is gone or another process's, though this process works in that folder: was it removed by hand?"));
      }
      lock.lock();
    }
    lock.unlock();
    if (is_ours()) ::unlink(file.c_str());
    lock.lock();
    ended = true;
    changed.notify_all();
  }

  const fs::path file;
  const std::string text;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  bool end = false, ended = false;
};

Lock::Lock(const fs::path& file, const std::string& what) : state_(std::make_shared<State>(file, text_of(what))) {
  for (int attempt = 0; !create(file, state_->text); ++attempt) {
    const auto found = look_at(file);
    if (found && is_alive(*found)) {
      const std::string who = found->process ? cat("process ", found->holder.process, " on ", found->holder.host, " (",
                                                   found->holder.what, " since ", found->holder.since, ")")
                                             : std::string("a process that is just starting");
      throw ConfigError(cat(file.parent_path().string(), " is in use by ", who, ", last sign of life ",
                            static_cast<int>(std::max(0.0, found->silent_s)),
                            " s ago; wait for its end or work in another folder (", file.filename().string(),
                            " of a process on another host counts for nothing after ", static_cast<int>(kDeadAfter_s),
                            " s without a sign)"));
    }
    if (found && !remove_dead(file, *found)) std::this_thread::sleep_for(kTurn);
    if (attempt == 100)
      throw StorageError(
          cat("cannot take ", file.string(), ": what a dead process left cannot be removed, or others are quicker"));
  }
  state_->thread = std::thread([state = state_] { state->give_signs_of_life(); });
}

Lock::~Lock() {
  std::unique_lock lock(state_->mutex);
  state_->end = true;
  state_->changed.notify_all();
  const bool ended = state_->changed.wait_for(lock, std::chrono::duration<double>(kEndWait_s), [&] { return state_->ended; });
  lock.unlock();
  if (ended) state_->thread.join();
  else state_->thread.detach();
}

const fs::path& Lock::file() const { return state_->file; }

Lease::Lease(const fs::path& file) {
  const fs::path path = file.string() + "." + host_name() + "-" + std::to_string(::getpid()) + kLeaseEnd;
  lock_ = std::make_unique<Lock>(path, "reads " + file.filename().string());
}

std::unique_ptr<Holder> living_holder(const fs::path& lock_file) {
  const auto found = look_at(lock_file);
  if (!found || !is_alive(*found)) return nullptr;
  return std::make_unique<Holder>(found->holder);
}

std::vector<Holder> living_leases(const fs::path& file) {
  std::vector<Holder> holders;
  std::error_code error;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const std::string begin = file.filename().string() + ".";
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(begin) || !name.ends_with(kLeaseEnd)) continue;
    const auto found = look_at(entry.path());
    if (!found) continue;
    if (is_alive(*found)) holders.push_back(found->holder);
    else remove_dead(entry.path(), *found);
  }
  return holders;
}

}  // namespace dltonic::store
