/// dltonic <command>: reads the command line, makes the MPI world, runs the command, and ends the process in the one
/// place where it may end. Standard output belongs to results; everything else goes to standard error.
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "app/command.h"
#include "app/hang_rank.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"

namespace {

using dltonic::app::Run;

/// Reads the command line: every rank has the same one, so every rank comes to the same end and rank 0 speaks.
int parse(CLI::App& cli, int argc, char** argv, bool speaks) {
  try {
    cli.parse(argc, argv);
    return -1;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = cli.exit(error, out, err);
    if (speaks) {
      std::cout << out.str();
      std::cerr << err.str();
    }
    return code == 0 ? dltonic::kExitDone : dltonic::kExitWrongInput;
  }
}

int run_command(dltonic::comm::World& world, int argc, char** argv) {
  CLI::App cli{"dltonic: trains differentiable logic gate networks on event-camera data", "dltonic"};
  cli.set_version_flag("--version", dltonic::cat("dltonic ", dltonic::version(), " (git ", dltonic::git_hash(), ", ",
                                                 dltonic::build_flags(), ")"));
  cli.fallthrough();
  cli.require_subcommand(1);
  std::string level = "info";
  cli.add_option("--log-level", level, "debug, info, warn, error, off")->capture_default_str();
  int waits = -1;
  cli.add_option("--hang-rank", waits, "this rank waits for a debugger before it begins; it tells its host and process")
      ->check(CLI::NonNegativeNumber);
  Run run;
  dltonic::app::add_prepare(cli, run);
  dltonic::app::add_train(cli, run);
  dltonic::app::add_evaluate(cli, run);
  dltonic::app::add_checkpoints(cli, run);
  dltonic::app::add_inspect(cli, run);
  dltonic::app::add_stats(cli, run);
  dltonic::app::add_submit(cli, run);
  dltonic::app::add_sync(cli, run);
  dltonic::app::add_doctor(cli, run);
  const int code = parse(cli, argc, argv, world.is_root());
  if (code >= 0) return code;

  try {
    dltonic::log::set_level(dltonic::log::level_from(level));
    if (waits >= 0) dltonic::app::hang_rank(world, waits);
    return run(world);
  } catch (const dltonic::Error& error) {
    // Agreed errors reach every rank at the same place, so all may end in order and rank 0 speaks for them.
    world.end_if_alone(error);
    if (world.is_root()) dltonic::log::error(error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    world.end_if_alone(error);
    dltonic::log::error(dltonic::cat("unexpected: ", error.what()));
    return dltonic::kExitFailure;
  }
}

}  // namespace

int main(int argc, char** argv) {
  int code = dltonic::kExitFailure;
  {
    dltonic::comm::World world(argc, argv);
    dltonic::log::set_rank(world.rank(), world.size());
    code = run_command(world, argc, argv);
  }
  dltonic::log::close_file();
  std::cout.flush();
  std::fflush(nullptr);
  // MPI is finalised and all is written: no library's static destructor decides the exit code.
  ::_exit(code);
}
