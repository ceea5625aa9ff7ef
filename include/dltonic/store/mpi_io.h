/// What MPI-IO, through which ranks write HDF5 files together, is made of here.
#pragma once

#include <filesystem>
#include <string>

namespace dltonic::store {

struct MpiIo {
  bool romio = false;
  std::string name;  ///< "ROMIO (romio321)", "OMPIO (ompio)"
};

/// The module that opens a file in `folder`: one is opened for it, and removed. After MPI_Init; any rank, alone. Throws
/// StorageError where MPI-IO opens none.
MpiIo mpi_io_in_use(const std::filesystem::path& folder);

}  // namespace dltonic::store
