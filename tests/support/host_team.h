/// A team of the host's threads for kernels that are written for any team (src/data/gpu/team_columns.h): what is missing
/// between two uses of the same memory shows as another result, or to a thread sanitizer.
#pragma once

#include <atomic>
#include <barrier>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

namespace dltonic::test {

class HostTeam {
  static constexpr int kNear = 2;

 public:
  struct Shared {
    explicit Shared(int threads) : all(threads), said(static_cast<std::size_t>(threads)) {
      for (int t = 0; threads % kNear == 0 && t < threads; t += kNear) near.emplace_back(kNear);
    }
    std::barrier<> all;
    std::deque<std::barrier<>> near;  ///< of kNear threads each, where they divide all
    std::vector<std::uint32_t> said;
    std::vector<std::uint64_t> fast = std::vector<std::uint64_t>(64);  ///< less than a recording
  };
  HostTeam(Shared& shared, int thread) : shared_(shared), thread_(thread) {}
  int thread() const { return thread_; }
  int threads() const { return static_cast<int>(shared_.said.size()); }
  void sync() const { shared_.all.arrive_and_wait(); }
  std::uint32_t near() const { return shared_.near.empty() ? 0 : kNear; }
  void sync_near() const { shared_.near[static_cast<std::size_t>(thread_ / kNear)].arrive_and_wait(); }
  bool any(bool yes) const {
    std::uint32_t total = 0;
    before(yes, total);
    return total > 0;
  }
  std::uint32_t sum(std::uint32_t number) const {
    shared_.said[static_cast<std::size_t>(thread_)] = number;
    sync();
    std::uint32_t total = 0;
    for (const std::uint32_t one : shared_.said) total += one;
    sync();
    return total;
  }
  std::uint32_t before(bool yes, std::uint32_t& total) const {
    shared_.said[static_cast<std::size_t>(thread_)] = yes;
    sync();
    std::uint32_t lower = 0;
    total = 0;
    for (int t = 0; t < threads(); ++t) {
      const std::uint32_t one = shared_.said[static_cast<std::size_t>(t)];
      lower += t < thread_ ? one : 0;
      total += one;
    }
    sync();
    return lower;
  }
  std::uint64_t* tile() const { return shared_.fast.data(); }
  std::uint32_t tile_keys() const { return static_cast<std::uint32_t>(shared_.fast.size()); }
  void set_bits(std::uint32_t* word, std::uint32_t bits) const { std::atomic_ref(*word).fetch_or(bits); }
  void add(std::uint32_t* value, std::uint32_t by) const { std::atomic_ref(*value).fetch_add(by); }
  void raise(std::uint32_t* value, std::uint32_t to) const {
    std::atomic_ref at(*value);
    for (std::uint32_t was = at.load(); was < to && !at.compare_exchange_weak(was, to);) {
    }
  }

  /// Calls work(team) in each of its threads.
  template <class Work>
  static void run(int threads, Work work) {
    Shared shared(threads);
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) {
      others.emplace_back([&shared, &work, t] {
        HostTeam team(shared, t);
        work(team);
      });
    }
    HostTeam team(shared, 0);
    work(team);
    for (std::thread& thread : others) thread.join();
  }

 private:
  Shared& shared_;
  int thread_;
};

}  // namespace dltonic::test
