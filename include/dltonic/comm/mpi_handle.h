/// The communicator of a World, for parallel HDF5. Only sources of comm and store include this: everybody else speaks
/// to the other ranks through World.
#pragma once

#ifndef OMPI_SKIP_MPICXX  // Open MPI's C++ bindings are gone from the standard and from newer releases
#define OMPI_SKIP_MPICXX
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#endif
#include <mpi.h>

#include "dltonic/comm/world.h"

namespace dltonic::comm {

/// Ours alone (a duplicate of MPI_COMM_WORLD), errors are returned, never freed by the caller.
MPI_Comm mpi_comm(World& world);

/// Throws CommError with MPI's own message where `code` is not MPI_SUCCESS.
void check_mpi(int code, const char* operation);

}  // namespace dltonic::comm
