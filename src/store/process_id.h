/// Who made a file: a process of a host, named so that another process can ask whether it still lives.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace dltonic::store {

std::string host_name();

/// A process, told apart from a later one that got the same number.
struct ProcessId {
  std::string host;
  std::string space;  ///< of process numbers: the machine's boot and the container; numbers of others mean nothing here
  pid_t number = 0;
  std::string start;  ///< the kernel's start tick
};
ProcessId this_process();

/// true: it has ended for certain, or only waits for its parent to ask how (a killed mpirun leaves such ranks). false: it
/// lives. Nothing: another host's or container's, cannot be known from here.
std::optional<bool> has_ended(const ProcessId& process);

/// The same of a number of this host, where no more is known.
bool has_ended(pid_t number);

}  // namespace dltonic::store
