/// Work of unequal size, dealt evenly: over ranks and threads alike, by bytes, the largest first.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

namespace dltonic::data {

/// A run of things in their order: [first, first + count).
struct Run {
  std::size_t first = 0, count = 0;
  std::uint64_t bytes = 0;
};

/// Neighbours together until they have `bytes`; those that are chosen alone (empty: all).
std::vector<Run> runs_of(std::span<const std::uint64_t> bytes_of, std::uint64_t bytes,
                         std::span<const std::uint8_t> chosen = {});

/// The runs of one rank: each run, the largest first, goes to the rank that has least so far. The same on every rank.
std::vector<Run> deal(std::vector<Run> runs, int rank, int world);

/// Cuts things, in their order, into as many neighbouring shares of about equal weight as there are takers; share `i`.
Run share_by_weight(std::span<const std::uint64_t> weights, int taker, int takers);

/// work(thread, run) for every run, by all OpenMP threads, in the runs' order as threads become free. `between` is called by
/// the calling thread after each of its runs. All go on until `stop` says true, or a run throws: then the error of the first
/// run (in their order) that threw is thrown.
void for_each_run(std::span<const Run> runs, const std::function<void(int thread, const Run&)>& work,
                  const std::function<void()>& between, const std::function<bool()>& stop);

/// Lets threads hold no more than so many bytes together; one alone may hold any number.
class ByteGate {
 public:
  explicit ByteGate(std::uint64_t limit) : limit_(limit) {}

  class Pass {
   public:
    Pass(ByteGate& gate, std::uint64_t bytes);
    ~Pass();
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ByteGate& gate_;
    std::uint64_t bytes_;
  };

 private:
  std::uint64_t limit_, held_ = 0;
  std::mutex mutex_;
  std::condition_variable freed_;
};

}  // namespace dltonic::data
