/// What the HDF5 library of this program is and how it is set up, for `doctor` and the run's record.
#pragma once

#include <string>

namespace dltonic::store {

struct Hdf5Info {
  std::string version;       ///< "1.10.8"
  bool parallel = false;     ///< MPI-IO driver compiled in
  std::string file_locking;  ///< HDF5_USE_FILE_LOCKING as it holds now
};

/// Done by everything in store before its first HDF5 call; harmless to repeat. Sets HDF5_USE_FILE_LOCKING=FALSE where the
/// user set nothing (parallel file systems often refuse locks), turns off HDF5's printing of errors and its closing of
/// files at exit (collective: it would wait for ranks that are gone), and ignores SIGXFSZ, so that a write beyond
/// `ulimit -f` is an error like a full disk.
void set_up_hdf5();

Hdf5Info hdf5_info();

}  // namespace dltonic::store
