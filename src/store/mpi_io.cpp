#include "dltonic/store/mpi_io.h"

#include <unistd.h>

#include <set>

#include "dltonic/comm/mpi_handle.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {

#ifdef OPEN_MPI
/// Modules of Open MPI that are there and that the user's choice (OMPI_MCA_io) leaves over: each registers variables
/// io_<module>_…, which MPI's tool interface lists once a file has been opened.
std::set<std::string> modules() {
  std::set<std::string> found;
  int provided = 0, variables = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return found;
  MPI_T_cvar_get_num(&variables);
  for (int i = 0; i < variables; ++i) {
    char name[256];
    int length = sizeof name, no_description = 0, verbosity = 0, binding = 0, scope = 0;
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_T_enum values = MPI_T_ENUM_NULL;
    if (MPI_T_cvar_get_info(i, name, &length, &verbosity, &type, &values, nullptr, &no_description, &binding, &scope) !=
        MPI_SUCCESS)
      continue;
    const std::string text = name;
    if (!text.starts_with("io_") || text.starts_with("io_base_")) continue;
    found.insert(text.substr(3, text.find('_', 3) - 3));
  }
  MPI_T_finalize();
  return found;
}
#endif

}  // namespace

MpiIo mpi_io_in_use(const std::filesystem::path& folder) {
  const std::string path = folder / cat("dltonic-mpi-io-", ::getpid(), ".tmp");
  MPI_File file = MPI_FILE_NULL;
  const int code = MPI_File_open(MPI_COMM_SELF, path.c_str(), MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
                                 MPI_INFO_NULL, &file);
  if (code != MPI_SUCCESS) throw StorageError(cat("MPI-IO opens no file in ", folder.string()));
#ifdef OPEN_MPI
  const std::set<std::string> there = modules();
  MPI_File_close(&file);
  if (there.contains("ompio")) return {false, "OMPIO (ompio)"};  // where both are left over, Open MPI takes this one
  for (const std::string& module : there) {
    if (module.starts_with("romio")) return {true, cat("ROMIO (", module, ")")};
  }
  return {false, there.empty() ? "an unknown module" : join(std::vector<std::string>(there.begin(), there.end()))};
#else
  MPI_File_close(&file);
  return {true, "ROMIO"};  // MPICH and its kin have no other
#endif
}

}  // namespace dltonic::store
