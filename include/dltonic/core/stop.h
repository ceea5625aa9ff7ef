/// A wish to end in good order: a signal of the user's or the scheduler's, or the end of the wall time. It belongs to one
/// process; a loop asks for it, its ranks agree on it (World::max, a step's sums), and all of them end at the same place
/// with StopError, after a save where there is something to save.
#pragma once

#include <string>

namespace dltonic::stop {

/// From now on the first SIGTERM, SIGUSR1, SIGUSR2 or SIGINT is a wish, and one that follows more than a second later ends
/// the process at once with exit code 128 + signal (one stop often arrives twice: from the scheduler and its launcher).
/// Only for commands that ask for wishes. `command`: what messages say was stopped.
void on_signals(const std::string& command);

/// A wish of this process itself. The first reason stays.
void wish(const std::string& reason);
/// The same, `seconds` from now.
void wish_after(double seconds, const std::string& reason);
bool wished();
std::string reason();   ///< "SIGUSR1", "the wall time"; "" where nothing is wished
std::string command();  ///< "prepare"; "dltonic" before on_signals
void forget();          ///< for tests

}  // namespace dltonic::stop
