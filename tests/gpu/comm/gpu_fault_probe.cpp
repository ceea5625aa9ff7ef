/// A small job with a GPU a rank that goes wrong on its last rank in the way its argument says, while the other ranks wait
/// in an all-reduce on their GPUs, or with …_exchange for what it sends them. tests/support/comm_fault.sh starts it and looks
/// at what is left.
#include <sys/socket.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <set>
#include <string>
#include <thread>

#include "dltonic/comm/gpu.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/device/buffer.h"

using namespace dltonic;

namespace {

constexpr double kStepLimitSeconds = 4;
constexpr double kNcclLimitSeconds = 14;  // so that it is the step's limit that ends a step

std::set<int> open_sockets() {
  std::set<int> sockets;
  for (int file = 3; file < 4096; ++file) {
    struct stat facts;
    if (::fstat(file, &facts) == 0 && S_ISSOCK(facts.st_mode)) sockets.insert(file);
  }
  return sockets;
}

/// What a broken network does: NCCL's connections end, the process lives on.
void cut(const std::set<int>& not_nccls) {
  for (const int socket : open_sockets()) {
    if (!not_nccls.contains(socket)) ::shutdown(socket, SHUT_RDWR);
  }
}

void misbehave(const std::string& how, const std::set<int>& not_nccls) {
  if (how == "kill") ::raise(SIGKILL);
  if (how == "stop") ::raise(SIGSTOP);
  if (how == "throw") throw DataError("a/b.bin: cut at byte 7");
  if (how == "cut") {
    cut(not_nccls);
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

void train(comm::World& world, std::string how) {
  const bool exchanges = how.ends_with("_exchange");
  if (exchanges) how.resize(how.rfind('_'));
  const bool bad = world.rank() == world.size() - 1;
  const comm::Gpu gpu = comm::choose_gpu(world, false);
  const auto before = open_sockets();
  comm::GpuReducer reducer(world, gpu, kNcclLimitSeconds);
  if (!reducer.available()) throw CommError(reducer.why_not());
  device::Stream stream;
  const auto values = device::uploaded(std::vector<float>(1'000'000, 1.0F), stream);
  std::vector<std::size_t> bytes(static_cast<std::size_t>(world.size()), 1000);
  bytes[static_cast<std::size_t>(world.rank())] = 0;
  const device::Buffer<std::byte> arrived(1000 * bytes.size());
  world.barrier();
  const auto phase = world.phase("the training step", kStepLimitSeconds);
  for (int step = 0; step < 5; ++step) {
    world.set_step(step);
    if (bad && step == 3) misbehave(how, before);
    if (bad && step == 3 && how == "leave") return;
    if (exchanges) reducer.exchange(values.data(), bytes, arrived.data(), bytes, stream);
    else reducer.all_reduce(values.data(), values.size(), stream);
    const auto waiting = exchanges ? reducer.waiting("an exchange between the GPUs") : reducer.waiting();
    stream.synchronize();
  }
}

int run(int argc, char** argv) {
  comm::World world(argc, argv);
  try {
    train(world, argc > 1 ? argv[1] : "");
  } catch (const Error& error) {
    if (!error.agreed()) world.abort(error.what(), error.exit_code());
    if (world.is_root()) log::error(error.what());
    return error.exit_code();
  }
  if (world.is_root()) std::cout << "done\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
