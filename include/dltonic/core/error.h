/// Typed failures. A message says what, where, both numbers and the way out; the rank is added where it is printed.
/// Context is added on the way up with `with_context`. Only the program's main, the watchdog and a second stop signal end
/// the process.
#pragma once

#include <stdexcept>
#include <string>

namespace dltonic {

/// Exit codes of the program.
enum ExitCode : int {
  kExitDone = 0,
  kExitFailure = 1,     ///< storage, communication, device, or a defect of ours
  kExitWrongInput = 2,  ///< configuration or data that the user can put right
  kExitRunAgain = 75,   ///< stopped by a signal, saved: run me again
};

class Error : public std::runtime_error {
 public:
  Error(const std::string& what, int exit_code) : std::runtime_error(what), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

  /// True where every rank throws this same error at the same place (comm::World::agree): then nobody waits for
  /// anybody, and main may end without MPI_Abort, printing once.
  bool agreed() const { return agreed_; }
  void set_agreed() { agreed_ = true; }

 private:
  int exit_code_;
  bool agreed_ = false;
};

/// A fault in the configuration or on the command line. The text may hold several lines, one a fault.
struct ConfigError : Error {
  explicit ConfigError(const std::string& what) : Error(what, kExitWrongInput) {}
};
/// Input data that cannot be used: damaged, missing, inconsistent.
struct DataError : Error {
  explicit DataError(const std::string& what) : Error(what, kExitWrongInput) {}
};
/// Files of ours that cannot be written or read: full disk, permissions, HDF5 failures.
struct StorageError : Error {
  explicit StorageError(const std::string& what) : Error(what, kExitFailure) {}
};
/// Another rank failed or does not answer.
struct CommError : Error {
  explicit CommError(const std::string& what) : Error(what, kExitFailure) {}
};
/// An accelerator failed or cannot be used.
struct DeviceError : Error {
  explicit DeviceError(const std::string& what) : Error(what, kExitFailure) {}
};

/// The work was ended by a wish to stop (core/stop.h); where it can go on later, what was done is saved.
struct StopError : Error {
  explicit StopError(const std::string& what) : Error(what, kExitRunAgain) {}
};

/// Runs `work`; an Error that leaves it gets "<context>: " in front and keeps its type and exit code.
/// Example: with_context(path.string(), [&] { decode(bytes); });
template <class Work>
decltype(auto) with_context(const std::string& context, Work&& work);

/// Throws again an error of the kind that `exit_code` and `kind` describe; used where an error crosses ranks.
[[noreturn]] void throw_error(const std::string& kind, const std::string& what, bool agreed);
/// "ConfigError", "DataError", ...; "Error" for any other exception.
std::string error_kind(const std::exception& error);

template <class Work>
decltype(auto) with_context(const std::string& context, Work&& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw_error(error_kind(error), context + ": " + error.what(), error.agreed());
  }
}

}  // namespace dltonic
