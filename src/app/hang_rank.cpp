#include "app/hang_rank.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

std::atomic<bool> told_to_go_on{false};

bool traced() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != std::string::npos;
  }
  return false;
}

}  // namespace

void hang_rank(comm::World& world, int rank) {
  world.agree("read --hang-rank", [&] {
    if (rank >= world.size()) throw ConfigError(cat("--hang-rank is ", rank, ", but ranks are 0 to ", world.size() - 1));
  });
  const auto phase = world.phase("waiting for a debugger", /*limit_s=*/0);
  if (world.rank() == rank) {
    std::signal(SIGCONT, [](int) { told_to_go_on = true; });
    log::warn(cat("process ", ::getpid(), " on ", world.host(), " waits for a debugger: gdb -p ", ::getpid(),
                  ", then 'continue'; or go on without one: kill -CONT ", ::getpid()));
    while (!told_to_go_on && !traced()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::signal(SIGCONT, SIG_DFL);
  }
  world.barrier();
}

}  // namespace dltonic::app
