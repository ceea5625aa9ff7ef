/// A small job that goes wrong on its last rank in the way its argument says, while the other ranks are in a sum.
/// `comm_fault.sh` starts it and looks at what is left.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include "dltonic/comm/world.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"

using namespace dltonic;

namespace {

void misbehave(const std::string& how) {
  if (how == "kill") ::raise(SIGKILL);
  if (how == "stop") ::raise(SIGSTOP);
  if (how == "sleep") std::this_thread::sleep_for(std::chrono::hours(1));
  if (how == "throw") throw DataError("a/b.bin: cut at byte 7");
  if (how == "leave") throw 42;
}

int run(int argc, char** argv) {
  comm::World world(argc, argv);
  const std::string how = argc > 1 ? argv[1] : "";
  const bool bad = world.rank() == world.size() - 1;
  try {
    const auto phase = world.phase("the training step", 2);
    for (int step = 0; step < 5; ++step) {
      world.set_step(step);
      if (how == "agree") {
        world.agree("reading", [&] {
          if (bad && step == 3) throw DataError("a/b.bin: cut at byte 7");
        });
      } else if (bad && step == 3) {
        misbehave(how);
      }
      world.sum(1.0);
    }
  } catch (const Error& error) {
    if (!error.agreed()) world.abort(error.what(), error.exit_code());
    if (world.is_root()) log::error(error.what());
    return error.exit_code();
  } catch (...) {
    world.abort("an unknown exception", kExitFailure);
  }
  if (world.is_root()) std::cout << "done\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
