#include <algorithm>
#include <cstring>
#include <limits>

#include "comm/world_impl.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {

void broadcast_bytes(World::Impl& world, std::span<std::byte> bytes, int root, std::size_t piece) {
  for (std::size_t done = 0; done < bytes.size(); done += piece) {
    const std::size_t count = std::min(piece, bytes.size() - done);
    check_mpi(MPI_Bcast(bytes.data() + done, static_cast<int>(count), MPI_BYTE, root, world.comm), "MPI_Bcast");
  }
}

std::vector<std::byte> gather_bytes(World::Impl& world, std::span<const std::byte> mine, std::vector<std::uint64_t>* lengths,
                                    std::size_t piece) {
  const auto size = static_cast<std::size_t>(world.size);
  const std::uint64_t my_length = mine.size();
  std::vector<std::uint64_t> all_lengths(size);
  check_mpi(MPI_Allgather(&my_length, 1, MPI_UINT64_T, all_lengths.data(), 1, MPI_UINT64_T, world.comm), "MPI_Allgather");
  std::vector<std::uint64_t> starts(size, 0);
  for (std::size_t r = 1; r < size; ++r) starts[r] = starts[r - 1] + all_lengths[r - 1];
  const std::uint64_t total = starts.back() + all_lengths.back();

  std::vector<std::byte> all(total);
  if (total <= piece) {
    const std::vector<int> counts(all_lengths.begin(), all_lengths.end()), displacements(starts.begin(), starts.end());
    check_mpi(MPI_Allgatherv(mine.data(), static_cast<int>(mine.size()), MPI_BYTE, all.data(), counts.data(),
                             displacements.data(), MPI_BYTE, world.comm),
              "MPI_Allgatherv");
  } else {
    if (!mine.empty()) std::memcpy(all.data() + starts[static_cast<std::size_t>(world.rank)], mine.data(), mine.size());
    for (std::size_t r = 0; r < size; ++r)
      broadcast_bytes(world, std::span(all).subspan(starts[r], all_lengths[r]), static_cast<int>(r), piece);
  }
  if (lengths) *lengths = std::move(all_lengths);
  return all;
}

std::vector<std::byte> World::gather_bytes(std::span<const std::byte> mine) {
  const Operation operation(*impl_, "gathering data");
  return comm::gather_bytes(*impl_, mine, nullptr);
}

std::vector<std::string> World::gather(const std::string& mine) {
  const Operation operation(*impl_, "gathering text");
  std::vector<std::uint64_t> lengths;
  const auto all = comm::gather_bytes(*impl_, std::as_bytes(std::span(mine)), &lengths);
  std::vector<std::string> texts;
  std::size_t start = 0;
  for (const std::uint64_t length : lengths) {
    texts.emplace_back(reinterpret_cast<const char*>(all.data()) + start, length);
    start += length;
  }
  return texts;
}

std::string World::broadcast(std::string text, int root) {
  const Operation operation(*impl_, cat("a broadcast from rank ", root));
  std::uint64_t length = text.size();
  check_mpi(MPI_Bcast(&length, 1, MPI_UINT64_T, root, impl_->comm), "MPI_Bcast");
  text.resize(length);
  broadcast_bytes(*impl_, std::as_writable_bytes(std::span(text)), root);
  return text;
}

}  // namespace dltonic::comm
