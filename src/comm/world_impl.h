/// What a World is made of; private to comm.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "comm/collective_log.h"
#include "comm/watchdog.h"
#include "dltonic/comm/mpi_handle.h"

namespace dltonic::comm {

struct World::Impl {
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0, size = 1, local_rank = 0, local_size = 1;
  int host_root = 0;  ///< lowest rank of this host: tells hosts apart that have one name
  bool thread_multiple = false;
  std::string host;
  std::shared_ptr<Watchdog> watchdog;                  ///< one a process
  std::unique_ptr<CollectiveLog> collectives;          ///< of the program's own World; null: not kept
  Impl* first = nullptr;                               ///< of a World made by beside(): the program's own
  std::vector<std::byte> send_buffer, receive_buffer;  ///< of reductions, kept: fresh pages cost more than the additions
  std::atomic<bool> ending{false};                     ///< an abort is under way
  std::mutex hook_mutex;                               ///< guards hook, and is held while it works
  std::function<void()> hook;                          ///< AbortHook's

  CollectiveLog* collective_log() const { return (first != nullptr ? first : this)->collectives.get(); }
  /// Sleeps until all ranks have come here. Nothing in the program's own World, whose ranks spin. collective
  void meet();
  [[noreturn]] void abort(const std::string& message, int exit_code);
};

/// MPI counts are ints: longer messages go in pieces of at most `piece` bytes.
constexpr std::size_t kPieceBytes = std::size_t{1} << 30;
std::vector<std::byte> gather_bytes(World::Impl& world, std::span<const std::byte> mine, std::vector<std::uint64_t>* lengths,
                                    std::size_t piece = kPieceBytes);
void broadcast_bytes(World::Impl& world, std::span<std::byte> bytes, int root, std::size_t piece = kPieceBytes);

}  // namespace dltonic::comm
