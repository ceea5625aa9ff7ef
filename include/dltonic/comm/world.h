/// The MPI world of the program: one object, made first in main and destroyed last.
/// Every method marked *collective* must be called by all ranks, in the same order, from the main thread (of a World made
/// by beside(): from one thread of the caller's choice).
/// Failures throw CommError on the rank that sees them; a rank that leaves main by an exception ends all (abort).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::comm {

struct Options {
  double timeout_s = 60;  ///< longest stay in one phase before the watchdog ends the job
  void bind(config::Section& s) {
    s.key("timeout_s", timeout_s,
          "longest wait in one step or reduction before the job is ended; named phases (staging, saving, evaluation, "
          "preparing) have longer limits of their own")
        .unit("s")
        .above(0);
  }
};

class Phase;

class World {
 public:
  /// MPI_Init_thread(MULTIPLE); says where less is given. Chooses ROMIO for MPI-IO where the user chose nothing.
  World(int& argc, char**& argv);
  ~World();  ///< MPI_Finalize; not called after an abort
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// The same ranks over a communicator of its own, for one thread that works beside the main one (background saves).
  /// There a rank that waits for others sleeps, where here it spins: it must not take the cores that compute. Needs
  /// thread_multiple(); dies before this World, when its thread has come to an end. collective
  std::unique_ptr<World> beside();

  int rank() const;
  int size() const;
  int local_rank() const;  ///< rank among the ranks of this host
  int local_size() const;
  const std::string& host() const;
  bool is_root() const { return rank() == 0; }
  bool thread_multiple() const;
  std::string library() const;  ///< "Open MPI v4.1.4, ..."

  void barrier();  ///< collective
  /// In-place sums over ranks, added in a fixed tree over rank numbers (canonical.h): the same bits on every rank and
  /// in every run with as many ranks, whatever MPI's own all-reduce would choose. collective
  void sum(std::span<float> values);
  void sum(std::span<double> values);
  void sum(std::span<std::int64_t> values);
  double max(double value);              ///< NaN on one rank is NaN on all. collective
  std::int64_t sum(std::int64_t value);  ///< collective
  double sum(double value);              ///< collective
  /// Everybody's text, by rank. collective
  std::vector<std::string> gather(const std::string& mine);
  /// Root's text to all. collective
  std::string broadcast(std::string text, int root = 0);
  /// Exclusive prefix sum of `mine` over ranks and the total. collective
  struct Offset {
    std::uint64_t before, total;
  };
  Offset offset(std::uint64_t mine);
  /// Each rank gives its piece; all get all, in rank order. collective
  std::vector<std::byte> gather_bytes(std::span<const std::byte> mine);

  /// Runs `work` (which must not communicate) on every rank and agrees on the outcome: where it throws on some rank,
  /// every rank throws the same error (that of the lowest failing rank, its rank named when there are several ranks),
  /// marked agreed(). collective
  void agree(const std::string& what, const std::function<void()>& work);

  /// From now until the object dies this rank is in phase `name`; the watchdog ends the job when that lasts longer than
  /// `limit_s`, with one line that names rank, host, phase, its progress and limit. Phases nest, per thread: the limit
  /// of the innermost counts, and the clock of the outer one starts anew when the inner one ends. limit_s <= 0: no limit.
  [[nodiscard]] Phase phase(const std::string& name, double limit_s);
  void set_step(std::int64_t step);  ///< named in the watchdog's and abort's line

  /// From now on the last 100 collectives of every rank stand in `folder`/collectives-rank<r>.txt, whatever ends the job;
  /// they are removed where it ends in good order. Where a rank hangs, it is the one whose file is behind. StorageError.
  void keep_collectives(const std::filesystem::path& folder);

  /// Ends the whole job: one line, MPI_Abort, never returns. From any thread.
  [[noreturn]] void abort(const std::string& message, int exit_code);
  /// Ends the job where `error` is this rank's alone, which leaves the others waiting; returns where it is agreed, or where
  /// there are no others. Call it before unwinding waits for anything.
  void end_if_alone(const std::exception& error);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit World(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// While it lives, `work` runs where this process ends the job (World::abort), between the error's line and the end: what
/// other threads have half done is taken away there, for no destructor runs. From whichever thread ends the job, once; it
/// throws nothing and takes two seconds at most. One at a time a process. Its owner's work must not end in that time, so
/// the destructor waits for it.
class AbortHook {
 public:
  AbortHook(World& world, std::function<void()> work);
  ~AbortHook();
  AbortHook(const AbortHook&) = delete;
  AbortHook& operator=(const AbortHook&) = delete;

 private:
  World::Impl& world_;
};

class Phase {
 public:
  Phase(World::Impl& world, const std::string& name, double limit_s);
  ~Phase();
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;
  /// Work goes on: the limit counts from now again.
  void alive();

 private:
  World::Impl& world_;
  std::uint64_t number_;
};

/// While it lives, the watchdog's line says that this thread is "waiting for other ranks in <name>".
class Operation {
 public:
  Operation() = default;  ///< names nothing
  Operation(World::Impl& world, const std::string& name);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  World::Impl* world_ = nullptr;
  std::uint64_t number_ = 0;  ///< in the rank's list of collectives
};

/// First index and count of `rank`'s contiguous share of n things; shares differ by at most one.
struct Share {
  std::uint64_t first, count;
};
constexpr Share share_of(std::uint64_t n, int rank, int size) {
  const auto r = static_cast<std::uint64_t>(rank), s = static_cast<std::uint64_t>(size);
  const std::uint64_t base = n / s, extra = n % s;
  return {r * base + (r < extra ? r : extra), base + (r < extra ? 1 : 0)};
}

}  // namespace dltonic::comm
