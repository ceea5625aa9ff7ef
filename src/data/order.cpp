#include "dltonic/data/order.h"

#include "dltonic/comm/world.h"
#include "dltonic/core/error.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"

namespace dltonic::data {

EpochOrder::EpochOrder(std::vector<std::uint32_t> samples, std::uint64_t batch_size, std::uint64_t seed)
    : samples_(std::move(samples)), batch_size_(batch_size), seed_(seed) {
  if (samples_.size() < batch_size_) {
    throw ConfigError(cat("train.batch_size is ", batch_size_, " but only ", samples_.size(),
                          " samples train; lower train.batch_size or data.val_split"));
  }
}

void EpochOrder::start(std::uint32_t epoch) {
  order_.resize(samples_.size());
  permute(order_, Random(seed_, Use::order, epoch));
  for (std::uint32_t& position : order_) position = samples_[position];
  epoch_ = epoch;
}

std::span<const std::uint32_t> EpochOrder::samples(std::uint64_t batch, BatchPart part) const {
  return std::span(order_).subspan(batch * batch_size_ + part.first, part.count);
}

int default_shards(std::uint64_t batch_size) {
  for (int shards = 8; shards > 1; --shards) {
    if (batch_size % static_cast<std::uint64_t>(shards) == 0) return shards;
  }
  return 1;
}

std::vector<BatchPart> parts_of_rank(std::uint64_t batch_size, int shards, int rank, int world) {
  if (static_cast<std::uint64_t>(world) > batch_size) {
    throw ConfigError(cat("train.batch_size is ", batch_size, " samples over all ranks, but there are ", world,
                          " ranks; start at most ", batch_size, " ranks or raise train.batch_size"));
  }
  if (shards == 0) {
    const auto share = comm::share_of(batch_size, rank, world);
    return {{share.first, share.count}};
  }
  const auto count = static_cast<std::uint64_t>(shards);
  if (batch_size % count != 0) {
    throw ConfigError(cat("distributed.canonical_shards is ", shards, ", which does not divide train.batch_size ", batch_size,
                          "; use a divisor of it (", default_shards(batch_size), " would be the default)"));
  }
  if (world > shards) {
    throw ConfigError(cat("distributed.canonical_shards is ", shards, " but there are ", world, " ranks; start at most ",
                          shards, " ranks or raise distributed.canonical_shards"));
  }
  const auto owned = comm::share_of(count, rank, world);
  const std::uint64_t size = batch_size / count;
  std::vector<BatchPart> parts;
  for (std::uint64_t s = 0; s < owned.count; ++s) parts.push_back({(owned.first + s) * size, size});
  return parts;
}

}  // namespace dltonic::data
