#include "dltonic/store/hdf5_info.h"

#include <csignal>
#include <cstdlib>
#include <mutex>

#include "dltonic/core/text.h"
#include "store/h5.h"

namespace dltonic::store {

void set_up_hdf5() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    struct sigaction action {};
    if (::sigaction(SIGXFSZ, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) ::signal(SIGXFSZ, SIG_IGN);
    H5dont_atexit();  // the same for exit()
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  });
}

namespace {

/// Before main, and so before MPI_Init: HDF5 that starts later hangs its closing of all files on MPI_Finalize, where a
/// file left open after a failure would be waited for, or crash (1.10.8).
[[maybe_unused]] const bool set_up_before_mpi = [] {
  set_up_hdf5();
  return true;
}();

}  // namespace

Hdf5Info hdf5_info() {
  set_up_hdf5();
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  Hdf5Info info;
  info.version = cat(major, ".", minor, ".", release);
#ifdef H5_HAVE_PARALLEL
  info.parallel = true;
#endif
  const char* const locking = std::getenv("HDF5_USE_FILE_LOCKING");
  info.file_locking = locking ? locking : "HDF5's default";
  return info;
}

}  // namespace dltonic::store
