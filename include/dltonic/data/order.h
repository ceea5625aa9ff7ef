/// Which sample is trained when, and by which rank: functions of (seed, epoch) alone, the same on any number of ranks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dltonic::data {

/// A slice of the global batch that one buffer of gradients covers: the whole share of a rank, or one canonical shard.
struct BatchPart {
  std::uint64_t first, count;  ///< within the global batch
};

class EpochOrder {
 public:
  /// `samples`: indices into the frames that are trained on. batch_size: global.
  EpochOrder(std::vector<std::uint32_t> samples, std::uint64_t batch_size, std::uint64_t seed);

  /// Draws the order of `epoch` (0, 1, …).
  void start(std::uint32_t epoch);
  std::int64_t epoch() const { return epoch_; }                            ///< whose order is drawn; -1: none yet
  std::uint64_t batches() const { return samples_.size() / batch_size_; }  ///< whole batches; the short rest is dropped
  std::uint64_t dropped() const { return samples_.size() % batch_size_; }  ///< samples an epoch leaves out
  /// Samples of a part of global batch `batch`.
  std::span<const std::uint32_t> samples(std::uint64_t batch, BatchPart part) const;
  std::span<const std::uint32_t> all() const { return order_; }  ///< batch after batch, then the dropped ones

 private:
  std::vector<std::uint32_t> samples_, order_;
  std::uint64_t batch_size_, seed_;
  std::int64_t epoch_ = -1;
};

/// The parts of the global batch that `rank` computes. `shards` = 0: one part, the rank's even share. Else the batch is
/// cut into `shards` equal parts and the rank owns whole ones.
/// ConfigError where ranks outnumber samples or shards, or shards do not divide the batch.
std::vector<BatchPart> parts_of_rank(std::uint64_t batch_size, int shards, int rank, int world);
/// Largest divisor of the batch up to 8.
int default_shards(std::uint64_t batch_size);

}  // namespace dltonic::data
