/// Sums that do not depend on the number of ranks. A batch is cut into V equal shards; each shard's sum is made by one
/// rank alone, and the V sums are added in one fixed binary tree over shard indices:
///
///   for stride = 1, 2, 4, ... < V:  row[i] += row[i + stride]  for every i that is a multiple of 2*stride, i + stride < V
///
/// so the result has the same bits on 1, 2, 3, ... V ranks and on every rank (IEEE addition commutes; the tree fixes the
/// rest). Way: a rank first adds the nodes of the tree that lie wholly in its own shards, every rank then owns a slice of
/// the n elements and receives that slice of all nodes (MPI_Alltoallv), finishes the tree there and gives its slice to
/// all (MPI_Allgatherv): 2n elements over the wire a rank, as an optimal all-reduce has. Short vectors are gathered whole
/// and finished everywhere, the same tree with half the latency. World::sum is this with one shard a rank.
#pragma once

#include <cstdint>
#include <span>

#include "dltonic/comm/world.h"

namespace dltonic::comm {

/// `mine[k]` is the sum of shard `first + k`, where {first, count} = share_of(shards, rank, size): whole, contiguous
/// shards; ranks beyond the number of shards own none. Every buffer has out.size() elements, the same number on all ranks.
/// `out` may be the first of the buffers, no other. Throws CommError where the number or a length of `mine` does not fit.
/// collective
void reduce_canonical(World& world, std::span<const std::span<const float>> mine, int shards, std::span<float> out);
void reduce_canonical(World& world, std::span<const std::span<const double>> mine, int shards, std::span<double> out);
void reduce_canonical(World& world, std::span<const std::span<const std::int64_t>> mine, int shards,
                      std::span<std::int64_t> out);

}  // namespace dltonic::comm
