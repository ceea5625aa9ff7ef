#include "dltonic/data/exchange.h"

#include <algorithm>
#include <numeric>

namespace dltonic::data {

EpochShares::EpochShares(std::uint64_t samples, std::uint64_t batch_size, int shards, int rank, int world)
    : rank_(rank), batches_(samples / batch_size), dropped_(samples % batch_size) {
  for (int r = 0; r < world; ++r) {
    const std::size_t before = rank_of_.size();
    // Parts of the ranks follow one another.
    for (const BatchPart& part : parts_of_rank(batch_size, shards, r, world))
      rank_of_.insert(rank_of_.end(), part.count, static_cast<std::uint16_t>(r));
    shares_.push_back(static_cast<int>(rank_of_.size() - before));
  }
}

std::uint64_t EpochShares::held(int rank) const {
  if (shares_.empty()) return 0;
  const std::uint64_t world = shares_.size(), r = static_cast<std::uint64_t>(rank);
  return batches_ * static_cast<std::uint64_t>(share_of_rank(rank)) + dropped_ / world + (r < dropped_ % world ? 1 : 0);
}

std::vector<std::uint32_t> EpochShares::trained_by_this(const EpochOrder& order) const {
  std::vector<std::uint32_t> mine;
  mine.reserve(held(rank_));
  each(order, [&](int rank, std::uint32_t sample) {
    if (rank == rank_) mine.push_back(sample);
  });
  mine.resize(trained());
  return mine;
}

RowExchange::RowExchange(EpochShares shares, std::size_t frames, std::size_t round_rows)
    : shares_(std::move(shares)), holder_(frames), own_slot_(frames) {
  std::uint64_t most = 1;
  for (int r = 0; r < shares_.world(); ++r) most = std::max(most, shares_.held(r));
  round_rows_ = std::clamp<std::size_t>(round_rows, 1, most);
}

std::size_t RowExchange::slots() const { return shares_.held(shares_.rank()) + static_cast<std::size_t>(shares_.world()) - 1; }

std::size_t RowExchange::most_of_round() const {
  return shares_.world() == 1 ? 0 : round_rows_ + static_cast<std::size_t>(shares_.world()) - 1;
}

void RowExchange::begin(const EpochOrder& order) {
  held_.clear();
  shares_.each(order, [&](int rank, std::uint32_t sample) {
    holder_[sample] = static_cast<std::uint16_t>(rank);
    if (rank == shares_.rank()) held_.push_back(sample);
  });
  slot_.resize(held_.size());
  std::iota(slot_.begin(), slot_.end(), 0u);
  for (const std::uint32_t slot : slot_) own_slot_[held_[slot]] = slot;
  free_.resize(slots() - held_.size());
  std::iota(free_.begin(), free_.end(), static_cast<std::uint32_t>(held_.size()));
}

std::vector<RowExchange::Round> RowExchange::go_on(const EpochOrder& order) {
  const int me = shares_.rank();
  const auto world = static_cast<std::size_t>(shares_.world());
  std::vector<std::vector<std::uint32_t>> leaving(world), coming(world);  // [rank] slots; places in held_
  std::vector<std::size_t> out(world), in(world);                         // [rank] rows that it sends, receives
  held_.clear();
  slot_.assign(slot_.size(), 0);
  shares_.each(order, [&](int to, std::uint32_t sample) {
    const int from = holder_[sample];
    if (to == me) {
      if (from == me) slot_[held_.size()] = own_slot_[sample];
      else coming[static_cast<std::size_t>(from)].push_back(static_cast<std::uint32_t>(held_.size()));
      held_.push_back(sample);
    } else if (from == me) {
      leaving[static_cast<std::size_t>(to)].push_back(own_slot_[sample]);
    }
    if (from != to) {
      ++out[static_cast<std::size_t>(from)];
      ++in[static_cast<std::size_t>(to)];
      holder_[sample] = static_cast<std::uint16_t>(to);
    }
  });
  std::size_t most = 0;  // rows that a rank sends or receives
  for (std::size_t r = 0; r < world; ++r) most = std::max({most, out[r], in[r]});
  const std::size_t count = (most + round_rows_ - 1) / round_rows_;

  std::vector<Round> rounds(count);
  for (std::size_t i = 0; i < count; ++i) {
    Round& round = rounds[i];
    const auto piece = [&](const std::vector<std::uint32_t>& all) {
      const std::size_t first = all.size() * i / count, end = all.size() * (i + 1) / count;
      return std::span(all).subspan(first, end - first);
    };
    for (const auto& slots : leaving) {
      const auto some = piece(slots);
      round.to.push_back(some.size());
      round.out.insert(round.out.end(), some.begin(), some.end());
    }
    free_.insert(free_.end(), round.out.begin(), round.out.end());
    for (const auto& places : coming) {
      const auto some = piece(places);
      round.from.push_back(some.size());
      for (const std::uint32_t place : some) {
        round.in.push_back(slot_[place] = free_.back());
        free_.pop_back();
      }
    }
  }
  for (std::size_t i = 0; i < held_.size(); ++i) own_slot_[held_[i]] = slot_[i];
  return rounds;
}

}  // namespace dltonic::data
