/// Files that say "a living process holds this": which host, which process, since when. The holder gives a sign of life (the
/// file's time of change) every few seconds from a thread of its own. Held by a process that has ended they count for
/// nothing: on the same host at once (the process is asked for), on another one after kDeadAfter_s without a sign; clocks of
/// hosts must agree to within a minute. What a dead process left is removed with a line in the log.
///
/// Plain files, exclusive by O_EXCL: safe on any file system that programs of a cluster share. Nothing here communicates.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace dltonic::store {

constexpr double kSignOfLife_s = 10, kDeadAfter_s = 90;
constexpr const char* kRunLockFile = "run.lock";  ///< in a run's folder
constexpr const char* kLeaseEnd = ".lease";       ///< "<file>.<host>-<process>.lease"

/// Who holds a lock.
struct Holder {
  std::string host;
  int process = 0;
  std::string since;  ///< "2026-11-22T22:06:57Z"
  std::string what;   ///< "training", "dltonic sync pull"
};

class Lock {
 public:
  /// Takes the lock. Throws ConfigError that names host, process and start time of the living holder, and StorageError where
  /// the file cannot be made. Its folder must exist.
  Lock(const std::filesystem::path& file, const std::string& what);
  /// Gives it back: removes the file, if it is still ours.
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  const std::filesystem::path& file() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Keeps a file from eviction while the object lives; any number of processes may hold one at once. Throws StorageError.
class Lease {
 public:
  explicit Lease(const std::filesystem::path& file);

 private:
  std::unique_ptr<Lock> lock_;
};

/// The living holder of a lock file, null where there is none. Removes nothing.
std::unique_ptr<Holder> living_holder(const std::filesystem::path& lock_file);
/// Living holders of leases on a file; leases of the dead are removed.
std::vector<Holder> living_leases(const std::filesystem::path& file);

}  // namespace dltonic::store
