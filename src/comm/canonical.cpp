#include "dltonic/comm/canonical.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "comm/world_impl.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {

/// Elements that a block of additions keeps in the first-level cache.
constexpr std::size_t kBlock = 2048;
/// Elements a round: bounds the temporary memory and keeps every MPI count within an int.
constexpr std::size_t kRound = std::size_t{1} << 22;
/// Up to so many gathered bytes one MPI_Allgatherv (latency) beats slices (bandwidth).
constexpr std::size_t kGatherBytes = std::size_t{1} << 15;

template <class T>
MPI_Datatype type_of() {
  if constexpr (std::is_same_v<T, float>) return MPI_FLOAT;
  else if constexpr (std::is_same_v<T, double>) return MPI_DOUBLE;
  else return MPI_INT64_T;
}

/// A node of the tree: shards first … first + span − 1 (those that exist), span a power of two that divides first.
struct Node {
  int first, span;
};

/// The fewest nodes that make up shards begin … end − 1 of V.
std::vector<Node> nodes_of(int begin, int end, int shards) {
  std::vector<Node> nodes;
  while (begin < end) {
    int span = 1;
    while (begin % (2 * span) == 0 && std::min(begin + 2 * span, shards) <= end && span < shards) span *= 2;
    nodes.push_back({begin, span});
    begin += span;
  }
  return nodes;
}

std::vector<Node> nodes_of_rank(int rank, int size, int shards) {
  const Share share = share_of(static_cast<std::uint64_t>(shards), rank, size);
  return nodes_of(static_cast<int>(share.first), static_cast<int>(share.first + share.count), shards);
}

template <class T>
void add(T* into, const T* other, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) into[i] += other[i];
}

/// out = sum of `node`, whose shard `first + k` is row(first + k), n elements. Recursion depth log2 V; `scratch` holds one
/// block a level.
template <class T, class Row>
void sum_node(const Node& node, int shards, const Row& row, std::size_t at, std::size_t n, T* out, T* scratch) {
  if (node.span == 1) {
    if (out != row(node.first) + at) std::memmove(out, row(node.first) + at, n * sizeof(T));
    return;
  }
  const int half = node.span / 2;
  sum_node<T>({node.first, half}, shards, row, at, n, out, scratch);
  if (node.first + half >= shards) return;
  sum_node<T>({node.first + half, half}, shards, row, at, n, scratch, scratch + kBlock);
  add(out, scratch, n);
}

/// The same from nodes that are already summed: rows[i] is the node that starts at shard nodes[i].first. Result in rows[0].
template <class T>
void finish_tree(const std::vector<Node>& nodes, const std::vector<T*>& rows, int shards, std::size_t at, std::size_t n) {
  std::vector<std::size_t> index(static_cast<std::size_t>(shards), nodes.size());  // shard → node
  for (std::size_t i = 0; i < nodes.size(); ++i) index[static_cast<std::size_t>(nodes[i].first)] = i;
  for (int stride = 1; stride < shards; stride *= 2) {
    for (int left = 0; left + stride < shards; left += 2 * stride) {
      const std::size_t l = index[static_cast<std::size_t>(left)], r = index[static_cast<std::size_t>(left + stride)];
      if (l == nodes.size() || r == nodes.size() || nodes[l].span > stride) continue;  // inside a node that its rank has summed
      add(rows[l] + at, rows[r] + at, n);
    }
  }
}

/// finish_tree by blocks: the rows of `nodes` lie one after the other at `data`, `length` elements each.
template <class T>
void finish_rows(const std::vector<Node>& nodes, T* data, std::size_t length, int shards) {
  std::vector<T*> rows(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) rows[i] = data + i * length;
  for (std::size_t at = 0; at < length; at += kBlock) finish_tree(nodes, rows, shards, at, std::min(kBlock, length - at));
}

template <class T>
class Reduction {
 public:
  Reduction(World& world, std::span<const std::span<const T>> mine, int shards, std::span<T> out)
      : w_(world.impl()), mine_(mine), shards_(shards), out_(out), my_nodes_(nodes_of_rank(w_.rank, w_.size, shards)) {
    const Share share = share_of(static_cast<std::uint64_t>(shards), w_.rank, w_.size);
    if (mine.size() != share.count)
      throw CommError(
          cat("reduce_canonical: rank ", w_.rank, " gives ", mine.size(), " of ", shards, " shards, it owns ", share.count));
    for (const auto& buffer : mine) {
      if (buffer.size() != out.size())
        throw CommError(cat("reduce_canonical: a shard has ", buffer.size(), " elements, the result ", out.size()));
    }
    first_shard_ = static_cast<int>(share.first);
    std::size_t levels = 1;
    while ((1 << levels) < shards) ++levels;
    scratch_.resize(levels * kBlock);
    for (int r = 0; r < w_.size; ++r) {
      const auto nodes = nodes_of_rank(r, w_.size, shards);
      nodes_of_each_.push_back(static_cast<int>(nodes.size()));
      all_nodes_.insert(all_nodes_.end(), nodes.begin(), nodes.end());
    }
  }

  void run() {
    for (std::size_t at = 0; at < out_.size(); at += kRound) {
      const std::size_t n = std::min(kRound, out_.size() - at);
      if (w_.size == 1) sum_own(my_nodes_[0], at, n, out_.data() + at);
      else if (n * all_nodes_.size() * sizeof(T) <= kGatherBytes) round_gathered(at, n);
      else round_sliced(at, n);
    }
  }

 private:
  using Counts = std::vector<int>;

  /// Node of this rank's shards over elements at … at + n − 1.
  void sum_own(const Node& node, std::size_t at, std::size_t n, T* into) {
    const auto row = [&](int shard) { return mine_[static_cast<std::size_t>(shard - first_shard_)].data(); };
    for (std::size_t done = 0; done < n; done += kBlock) {
      sum_node(node, shards_, row, at + done, std::min(kBlock, n - done), into + done, scratch_.data());
    }
  }

  T* buffer(std::vector<std::byte>& memory, std::size_t elements) {
    if (memory.size() < elements * sizeof(T)) memory.resize(elements * sizeof(T));
    return reinterpret_cast<T*>(memory.data());
  }

  /// Every rank gets every node and finishes the tree.
  void round_gathered(std::size_t at, std::size_t n) {
    T* const all = buffer(w_.receive_buffer, all_nodes_.size() * n);
    Counts counts, starts;
    int start = 0;
    for (const int nodes : nodes_of_each_) {
      counts.push_back(nodes * static_cast<int>(n));
      starts.push_back(start);
      start += counts.back();
    }
    T* own = all + starts[static_cast<std::size_t>(w_.rank)];
    for (const Node& node : my_nodes_) {
      sum_own(node, at, n, own);
      own += n;
    }
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, type_of<T>(), all, counts.data(), starts.data(), type_of<T>(), w_.comm),
              "MPI_Allgatherv");
    finish_rows(all_nodes_, all, n, shards_);
    std::copy_n(all, n, out_.data() + at);
  }

  /// Rank r finishes slice r of the round's elements for all.
  void round_sliced(std::size_t at, std::size_t n) {
    Counts slice, slice_start, send, send_start, receive, receive_start;
    int sent = 0, received = 0;
    const Share own = share_of(n, w_.rank, w_.size);
    for (int r = 0; r < w_.size; ++r) {
      const Share share = share_of(n, r, w_.size);
      slice.push_back(static_cast<int>(share.count));
      slice_start.push_back(static_cast<int>(share.first));
      send.push_back(static_cast<int>(my_nodes_.size()) * slice.back());
      send_start.push_back(sent);
      sent += send.back();
      receive.push_back(nodes_of_each_[static_cast<std::size_t>(r)] * static_cast<int>(own.count));
      receive_start.push_back(received);
      received += receive.back();
    }

    const T* outgoing = nullptr;
    if (my_nodes_.size() == 1 && mine_.size() == 1) {
      outgoing = mine_[0].data() + at;  // already lies as it is sent
    } else {
      T* const packed = buffer(w_.send_buffer, static_cast<std::size_t>(sent));
      for (std::size_t r = 0; r < slice.size(); ++r) {
        T* into = packed + send_start[r];
        for (const Node& node : my_nodes_) {
          sum_own(node, at + static_cast<std::size_t>(slice_start[r]), static_cast<std::size_t>(slice[r]), into);
          into += slice[r];
        }
      }
      outgoing = packed;
    }
    T* const incoming = buffer(w_.receive_buffer, static_cast<std::size_t>(received));
    check_mpi(MPI_Alltoallv(outgoing, send.data(), send_start.data(), type_of<T>(), incoming, receive.data(),
                            receive_start.data(), type_of<T>(), w_.comm),
              "MPI_Alltoallv");
    finish_rows(all_nodes_, incoming, own.count, shards_);
    std::copy_n(incoming, own.count, out_.data() + at + own.first);
    check_mpi(MPI_Allgatherv(MPI_IN_PLACE, 0, type_of<T>(), out_.data() + at, slice.data(), slice_start.data(), type_of<T>(),
                             w_.comm),
              "MPI_Allgatherv");
  }

  World::Impl& w_;
  std::span<const std::span<const T>> mine_;
  int shards_;
  std::span<T> out_;
  std::vector<Node> my_nodes_, all_nodes_;  ///< all: in rank order, so in shard order
  Counts nodes_of_each_;
  int first_shard_ = 0;
  std::vector<T> scratch_;
};

template <class T>
void reduce(World& world, std::span<const std::span<const T>> mine, int shards, std::span<T> out) {
  if (shards < 1) throw CommError(cat("reduce_canonical: ", shards, " shards, at least 1 needed"));
  fail_at(fault::kInCollective);
  const Operation operation(world.impl(), cat("a sum of ", with_commas(out.size()), " values"));
  Reduction<T>(world, mine, shards, out).run();
}
}  // namespace

void reduce_canonical(World& world, std::span<const std::span<const float>> mine, int shards, std::span<float> out) {
  reduce(world, mine, shards, out);
}
void reduce_canonical(World& world, std::span<const std::span<const double>> mine, int shards, std::span<double> out) {
  reduce(world, mine, shards, out);
}
void reduce_canonical(World& world, std::span<const std::span<const std::int64_t>> mine, int shards,
                      std::span<std::int64_t> out) {
  reduce(world, mine, shards, out);
}

}  // namespace dltonic::comm
