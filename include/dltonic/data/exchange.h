/// Training samples dealt to ranks, and what changes hands when an epoch follows another. Arithmetic on the host alone:
/// every rank knows the order of every epoch, so each one plans its part and nothing is agreed. DeviceFrames carries it out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dltonic/data/order.h"

namespace dltonic::data {

/// Whose the samples of an epoch are: parts_of_rank(), of all ranks. The samples that an epoch drops are held too, each by
/// one rank, for the epochs that train them: so a rank holds equally many in every epoch.
class EpochShares {
 public:
  EpochShares() = default;  ///< nothing trains
  /// `samples`: of an epoch, the dropped ones included. ConfigError as parts_of_rank().
  EpochShares(std::uint64_t samples, std::uint64_t batch_size, int shards, int rank, int world);

  int rank() const { return rank_; }
  int world() const { return static_cast<int>(shares_.size()); }
  std::uint64_t batches() const { return batches_; }
  int share() const { return share_of_rank(rank_); }  ///< samples of a global batch that are this rank's
  int share_of_rank(int rank) const { return shares_.empty() ? 0 : shares_[static_cast<std::size_t>(rank)]; }
  std::uint64_t trained() const { return batches_ * static_cast<std::uint64_t>(share()); }  ///< of an epoch, by this rank
  std::uint64_t held(int rank) const;                                                       ///< trained and dropped ones

  /// f(rank, sample) for all samples of an epoch; those of one rank come in its order of use, its dropped ones last.
  template <class F>
  void each(const EpochOrder& order, F f) const {
    const auto samples = order.all();
    const std::size_t batch = rank_of_.size(), trained = batches_ * batch;
    for (std::size_t first = 0; first < trained; first += batch) {
      for (std::size_t i = 0; i < batch; ++i) f(static_cast<int>(rank_of_[i]), samples[first + i]);
    }
    for (std::size_t i = trained; i < samples.size(); ++i) f(static_cast<int>((i - trained) % shares_.size()), samples[i]);
  }
  /// What this rank trains in an epoch, in its order of use: [batches][share].
  std::vector<std::uint32_t> trained_by_this(const EpochOrder& order) const;

 private:
  int rank_ = 0;
  std::uint64_t batches_ = 0, dropped_ = 0;
  std::vector<int> shares_;             ///< [rank] of a global batch
  std::vector<std::uint16_t> rank_of_;  ///< [sample of a global batch]
};

/// Where a rank's rows lie, and how they change ranks in rounds. Rows have slots; one that stays with its rank stays where
/// it is. In a round every rank first copies the rows that leave out of their slots, then sends, receives, and puts what
/// came into free slots. Each pair of ranks spreads what it has to exchange evenly over the rounds, so that as much comes
/// as goes, up to one row a pair: world − 1 spare slots are enough, and a rank never holds more than its share, those, and
/// one round's rows on each side.
class RowExchange {
 public:
  /// round_rows: about as many rows leave or reach a rank in a round. `frames`: sample numbers lie below it.
  RowExchange(EpochShares shares, std::size_t frames, std::size_t round_rows);

  std::size_t slots() const;          ///< of this rank, the spare ones included
  std::size_t most_of_round() const;  ///< rows that leave or reach this rank in a round, at most

  /// Every rank holds what it trains in this epoch, and its dropped ones: slot i has the i-th of held().
  void begin(const EpochOrder& order);
  bool begun() const { return !held_.empty(); }
  /// This rank's samples: [trained] in their order of use, then those that the epoch drops.
  std::span<const std::uint32_t> held() const { return held_; }
  /// [held] where they lie.
  std::span<const std::uint32_t> slot() const { return slot_; }

  /// One round, of this rank. Rows to (from) rank 0 come first, then those to (from) rank 1, …
  struct Round {
    std::vector<std::uint32_t> out, in;  ///< slots to copy from, to put into
    std::vector<std::size_t> to, from;   ///< [rank] rows
  };
  /// Goes over to another epoch (any other). The same number of rounds on every rank; none where all rows stay.
  std::vector<Round> go_on(const EpochOrder& order);

 private:
  EpochShares shares_;
  std::size_t round_rows_;
  std::vector<std::uint16_t> holder_;    ///< [sample] rank
  std::vector<std::uint32_t> own_slot_;  ///< [sample] where this rank holds it
  std::vector<std::uint32_t> held_, slot_, free_;
};

}  // namespace dltonic::data
