// NCCL is loaded where it is first needed, not with the program: a machine without GPUs need not have it, and the program
// does not read 200 MB to print its help. Where LibTorch has brought its own libnccl.so.2 into the process, that is the one.
//
// The communicator is a blocking one: its calls return once work is enqueued, or never where a rank does not come. The
// watchdog's phases bound that wait and end the process; a non-blocking communicator would have every caller, graph
// capture included, poll for the same.
#include "comm/nccl.h"

#include <dlfcn.h>
#include <nccl.h>

#include <cstring>
#include <exception>
#include <vector>

#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {

struct Library {
  std::string missing;
  decltype(&ncclGetVersion) get_version = nullptr;
  decltype(&ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&ncclCommInitRankConfig) comm_init = nullptr;
  decltype(&ncclCommFinalize) comm_finalize = nullptr;
  decltype(&ncclCommDestroy) comm_destroy = nullptr;
  decltype(&ncclCommGetAsyncError) comm_async_error = nullptr;
  decltype(&ncclAllReduce) all_reduce = nullptr;
  decltype(&ncclMemAlloc) mem_alloc = nullptr;
  decltype(&ncclMemFree) mem_free = nullptr;
  decltype(&ncclSend) send = nullptr;
  decltype(&ncclRecv) receive = nullptr;
  decltype(&ncclGroupStart) group_start = nullptr;
  decltype(&ncclGroupEnd) group_end = nullptr;
  decltype(&ncclGetErrorString) error_string = nullptr;
  decltype(&ncclGetLastError) last_error = nullptr;
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0)
  decltype(&ncclCommWindowRegister) window_register = nullptr;      // null in an older library
  decltype(&ncclCommWindowDeregister) window_deregister = nullptr;  // likewise
#endif
};

Library load() {
  Library library;
  void* handle = ::dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) handle = ::dlopen(DLTONIC_NCCL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    library.missing = cat("NCCL cannot be loaded (", ::dlerror(), "): put the folder of libnccl.so.2 on LD_LIBRARY_PATH");
    return library;
  }
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    if (function == nullptr) library.missing = cat("this NCCL is too old, it has no ", name);
  };
  find("ncclGetVersion", library.get_version);
  find("ncclGetUniqueId", library.get_unique_id);
  find("ncclCommInitRankConfig", library.comm_init);
  find("ncclCommFinalize", library.comm_finalize);
  find("ncclCommDestroy", library.comm_destroy);
  find("ncclCommGetAsyncError", library.comm_async_error);
  find("ncclAllReduce", library.all_reduce);
  find("ncclMemAlloc", library.mem_alloc);
  find("ncclMemFree", library.mem_free);
  find("ncclSend", library.send);
  find("ncclRecv", library.receive);
  find("ncclGroupStart", library.group_start);
  find("ncclGroupEnd", library.group_end);
  find("ncclGetErrorString", library.error_string);
  find("ncclGetLastError", library.last_error);
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0)
  library.window_register = reinterpret_cast<decltype(library.window_register)>(::dlsym(handle, "ncclCommWindowRegister"));
  library.window_deregister =
      reinterpret_cast<decltype(library.window_deregister)>(::dlsym(handle, "ncclCommWindowDeregister"));
#endif
  return library;
}
const Library& nccl() {
  static const Library once = load();
  return once;
}

/// "unhandled cuda error (Cuda failure 'out of memory')"
std::string explain(ncclResult_t code, ncclComm_t comm) {
  const char* last = nccl().last_error(comm);
  return cat(nccl().error_string(code), last != nullptr && *last != '\0' ? cat(" (", last, ")") : std::string());
}

void check(ncclResult_t code, const char* operation, ncclComm_t comm) {
  if (code != ncclSuccess && code != ncclInProgress) throw CommError(cat(operation, " failed: ", explain(code, comm)));
}

}  // namespace

std::string nccl_missing() { return nccl().missing; }

std::string nccl_version() {
  if (!nccl().missing.empty()) return nccl().missing;
  int code = 0;
  nccl().get_version(&code);
  return cat("NCCL ", code / 10000, ".", code / 100 % 100, ".", code % 100);
}

struct Nccl::Impl {
  static constexpr int kLeastBlocks = 16, kMostBlocks = 64;  ///< the latter is NCCL's own bound
  World& world;
  double limit_s;
  int exceptions = std::uncaught_exceptions();
  ncclComm_t comm = nullptr;
  struct Memory {
    void* data = nullptr;
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0)
    ncclWindow_t window = nullptr;
#endif
  };
  std::vector<Memory> memories = {};

  void sum(void* values, std::size_t n, ncclDataType_t type, device::StreamHandle stream) const {
    check(nccl().all_reduce(values, values, n, type, ncclSum, comm, stream), "ncclAllReduce", comm);
  }
};

Nccl::Nccl(World& world, double limit_s) : impl_(std::make_unique<Impl>(Impl{world, limit_s})) {
  ncclUniqueId id{};
  world.agree("start NCCL", [&] {
    if (world.is_root()) check(nccl().get_unique_id(&id), "ncclGetUniqueId", nullptr);
  });
  const std::string bytes = world.broadcast(std::string(id.internal, sizeof id.internal));
  std::memcpy(id.internal, bytes.data(), sizeof id.internal);

  const Operation operation(world.impl(), "ncclCommInitRank");
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1;
  // Sums in symmetric memory run on few blocks if NCCL is let alone, six or so; with more of them the last sums of a step,
  // which nothing hides, take less. NCCL_MIN_CTAS overrides this. NCCL refuses the one bound without the other.
  if (world.local_size() == world.size()) {
    config.minCTAs = Impl::kLeastBlocks;
    config.maxCTAs = Impl::kMostBlocks;
  }
  check(nccl().comm_init(&impl_->comm, world.size(), id, world.rank(), &config), "ncclCommInitRank", nullptr);
}

Nccl::~Nccl() {
  if (std::uncaught_exceptions() > impl_->exceptions) return;  // sums may be under way that no other rank will join
  const Phase phase = impl_->world.phase("closing NCCL", impl_->limit_s);
  const auto note = [](ncclResult_t code) {
    if (code != ncclSuccess) log::warn(cat("NCCL did not close in order: ", nccl().error_string(code)));
  };
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0)
  for (const Impl::Memory& memory : impl_->memories) {
    if (memory.window != nullptr) note(nccl().window_deregister(impl_->comm, memory.window));
  }
#endif
  note(nccl().comm_finalize(impl_->comm));
  note(nccl().comm_destroy(impl_->comm));
  for (const Impl::Memory& memory : impl_->memories) note(nccl().mem_free(memory.data));
}

void* Nccl::memory(std::size_t bytes) {
  bytes = (bytes + 4095) / 4096 * 4096;
  const Phase phase = impl_->world.phase("registering GPU memory with NCCL", impl_->limit_s);
  Impl::Memory& memory = impl_->memories.emplace_back();
  impl_->world.agree("allocate GPU memory for sums",
                     [&] { check(nccl().mem_alloc(&memory.data, bytes), "ncclMemAlloc", impl_->comm); });
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 27, 0)
  // Where the links do not allow it, the window stays null, on all ranks alike, and sums take the ordinary way.
  if (nccl().window_register != nullptr && nccl().window_deregister != nullptr) {
    check(nccl().window_register(impl_->comm, memory.data, bytes, &memory.window, NCCL_WIN_COLL_SYMMETRIC),
          "ncclCommWindowRegister", impl_->comm);
  }
#endif
  return memory.data;
}

void Nccl::sum(float* values, std::size_t n, device::StreamHandle stream) { impl_->sum(values, n, ncclFloat, stream); }
void Nccl::sum(double* values, std::size_t n, device::StreamHandle stream) { impl_->sum(values, n, ncclDouble, stream); }

void Nccl::exchange(const void* out, std::span<const std::size_t> out_bytes, void* in, std::span<const std::size_t> in_bytes,
                    device::StreamHandle stream) {
  const auto* from = static_cast<const std::byte*>(out);
  auto* to = static_cast<std::byte*>(in);
  check(nccl().group_start(), "ncclGroupStart", impl_->comm);
  for (std::size_t rank = 0; rank < out_bytes.size(); ++rank) {
    const int peer = static_cast<int>(rank);
    if (out_bytes[rank] > 0)
      check(nccl().send(from, out_bytes[rank], ncclUint8, peer, impl_->comm, stream), "ncclSend", impl_->comm);
    if (in_bytes[rank] > 0)
      check(nccl().receive(to, in_bytes[rank], ncclUint8, peer, impl_->comm, stream), "ncclRecv", impl_->comm);
    from += out_bytes[rank];
    to += in_bytes[rank];
  }
  check(nccl().group_end(), "ncclGroupEnd", impl_->comm);
}

std::string Nccl::failure() const {
  ncclResult_t code = ncclSuccess;
  if (const ncclResult_t asked = nccl().comm_async_error(impl_->comm, &code); asked != ncclSuccess) code = asked;
  if (code == ncclSuccess || code == ncclInProgress) return {};
  return cat("NCCL failed: ", explain(code, impl_->comm));
}

}  // namespace dltonic::comm
