/// What `dltonic submit` asks of Slurm, by its own commands.
#pragma once

#include <map>
#include <set>
#include <string>

namespace dltonic::app::slurm {

bool is_there();  ///< sbatch is on PATH

/// Lets sbatch check a script without queueing it; returns its words (when the job would start, and where). ConfigError with
/// its reason where it refuses.
std::string check(const std::string& script);
/// Queues a script that lies in a file; returns the job's number. ConfigError with sbatch's reason where it refuses.
std::string submit(const std::string& path);

/// Slurm's words for the states of the user's jobs, by "<job>" or, for a task of an array, "<job>_<task>": PENDING, RUNNING,
/// COMPLETED, CANCELLED, TIMEOUT, ... From squeue; for jobs of `known` that it has forgotten from sacct, where accounting runs.
/// Nothing (a warning is said) where Slurm does not answer.
std::map<std::string, std::string> states(const std::set<std::string>& known);
/// Whether a job in this state will run or runs.
bool is_live(const std::string& state);

}  // namespace dltonic::app::slurm
