#include "data/deal.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <queue>

#include "dltonic/core/thread_error.h"

namespace dltonic::data {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

std::vector<Run> runs_of(std::span<const std::uint64_t> bytes_of, std::uint64_t bytes, std::span<const std::uint8_t> chosen) {
  std::vector<Run> runs;
  bool open = false;
  for (std::size_t i = 0; i < bytes_of.size(); ++i) {
    if (!chosen.empty() && chosen[i] == 0) {
      open = false;
      continue;
    }
    if (!open) runs.push_back({i, 0, 0});
    ++runs.back().count;
    runs.back().bytes += bytes_of[i];
    open = runs.back().bytes < bytes;
  }
  return runs;
}

std::vector<Run> deal(std::vector<Run> runs, int rank, int world) {
  std::stable_sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.bytes > b.bytes; });
  using Load = std::pair<std::uint64_t, int>;  // bytes, rank
  std::priority_queue<Load, std::vector<Load>, std::greater<>> least;
  for (int r = 0; r < world; ++r) least.emplace(0, r);
  std::vector<Run> mine;
  for (const Run& run : runs) {
    const auto [bytes, taker] = least.top();
    least.pop();
    least.emplace(bytes + run.bytes + 1, taker);
    if (taker == rank) mine.push_back(run);
  }
  return mine;
}

Run share_by_weight(std::span<const std::uint64_t> weights, int taker, int takers) {
  const std::uint64_t total = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  // A thing belongs to the share in which its middle lies; doubled, so that halves stay whole numbers.
  const auto begin_of = [&](int share) {
    std::uint64_t before = 0;
    std::size_t i = 0;
    for (; i < weights.size(); ++i) {
      const auto middle = static_cast<Wide>(2 * before + weights[i]) * static_cast<unsigned>(takers);
      if (middle >= static_cast<Wide>(2 * total) * static_cast<unsigned>(share)) break;
      before += weights[i];
    }
    return i;
  };
  const std::size_t first = taker == 0 ? 0 : begin_of(taker), last = taker + 1 == takers ? weights.size() : begin_of(taker + 1);
  return {first, last - first,
          std::accumulate(weights.begin() + static_cast<std::ptrdiff_t>(first),
                          weights.begin() + static_cast<std::ptrdiff_t>(last), std::uint64_t{0})};
}

void for_each_run(std::span<const Run> runs, const std::function<void(int, const Run&)>& work,
                  const std::function<void()>& between, const std::function<bool()>& stop) {
  ThreadError error;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> over{false};
#pragma omp parallel
  {
    const int thread = omp_get_thread_num();
    for (std::size_t i = next++; i < runs.size() && !over; i = next++) {
      const bool well = error.keep(i, [&] {
        work(thread, runs[i]);
        if (thread == 0) between();
        if (stop()) over = true;
      });
      if (!well) over = true;
    }
  }
  error.rethrow();
}

ByteGate::Pass::Pass(ByteGate& gate, std::uint64_t bytes) : gate_(gate), bytes_(bytes) {
  std::unique_lock lock(gate_.mutex_);
  gate_.freed_.wait(lock, [&] { return gate_.held_ == 0 || gate_.held_ + bytes_ <= gate_.limit_; });
  gate_.held_ += bytes_;
}

ByteGate::Pass::~Pass() {
  {
    const std::scoped_lock lock(gate_.mutex_);
    gate_.held_ -= bytes_;
  }
  gate_.freed_.notify_all();
}

}  // namespace dltonic::data
