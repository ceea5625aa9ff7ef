#include <omp.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "dltonic/comm/gpu.h"
#include "dltonic/config/storage_dirs.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"
#include "dltonic/device/device.h"
#include "dltonic/store/hdf5_info.h"
#include "dltonic/store/mpi_io.h"

namespace dltonic::app {
namespace {

struct Report {
  nlohmann::ordered_json facts;
  std::vector<std::string> wrong;
};

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

void look_at_storage(Report& report) {
  try {
    const auto dirs = config::storage_dirs();
    for (const auto& [name, path] :
         {std::pair{"SCRATCH_STORAGE_DIR", dirs.scratch}, std::pair{"PROJECT_STORAGE_DIR", dirs.project}}) {
      std::error_code error;
      const auto space = std::filesystem::space(path, error);
      report.facts[name] = path.string() + (error ? std::string() : ", " + human_bytes(space.available) + " free");
      if (!error && space.available < 1'000'000'000u) {
        report.wrong.push_back(cat(name, " (", path.string(), ") has only ", human_bytes(space.available), " free"));
      }
    }
  } catch (const ConfigError& error) {
    report.wrong.emplace_back(error.what());
  }
}

/// Those that rank 0 sees. NCCL is looked for only where there are any: nothing else needs it.
void look_at_gpus(Report& report) {
  const int count = device::count();
  const std::string cuda = device::versions();
  report.facts["CUDA"] = cuda.empty() ? "not in this build" : cuda;
  report.facts["NCCL"] = count > 0 ? comm::nccl_version() : "not looked for";
  report.facts["GPU"] = count > 0 ? cat(count, " seen by rank 0") : "none: " + device::why_none();
  auto& gpus = report.facts["GPUs"] = nlohmann::ordered_json::array();
  for (int gpu = 0; gpu < count; ++gpu) {
    const device::Info info = device::info(gpu);
    gpus.push_back({{"name", info.name},
                    {"memory_bytes", info.memory_bytes},
                    {"pci_address", info.bus},
                    {"compute_capability", cat(info.major, ".", info.minor)}});
  }
}

Report examine(comm::World& world) {
  Report report;
  auto& facts = report.facts;
  facts["dltonic"] = cat(version(), " (git ", git_hash(), ", ", build_flags(), ")");
  facts["MPI"] = cat(world.library(), world.thread_multiple() ? ", MPI_THREAD_MULTIPLE" : ", no MPI_THREAD_MULTIPLE");
  if (!world.thread_multiple())
    report.wrong.emplace_back("MPI gives no MPI_THREAD_MULTIPLE: the watchdog cannot end a stuck job by MPI_Abort");
  const auto hdf5 = store::hdf5_info();
  facts["HDF5"] = cat(hdf5.version, hdf5.parallel ? ", parallel" : ", SERIAL", ", file locking ", hdf5.file_locking);
  if (!hdf5.parallel) report.wrong.emplace_back("HDF5 is serial: build against a parallel one");
  const auto mpi_io = store::mpi_io_in_use(std::filesystem::temp_directory_path());
  facts["MPI-IO"] = mpi_io.name;
  if (!mpi_io.romio)
    report.wrong.push_back(cat("MPI-IO is ", mpi_io.name, ", not ROMIO; OMPIO is known to hang: set OMPI_MCA_io=^ompio"));
  facts["LibTorch"] = DLTONIC_LIBTORCH_VERSION;
  facts["CPU"] =
      cat(cpu_model(), ", ", omp_get_num_procs(), " cores seen by rank 0, ", omp_get_max_threads(), " threads a rank");
  const char* wait = std::getenv("OMP_WAIT_POLICY");
  facts["OMP_WAIT_POLICY"] = wait ? wait : "unset";
  if (world.local_size() * omp_get_max_threads() > omp_get_num_procs()) {
    report.wrong.push_back(cat(world.local_size(), " ranks of ", omp_get_max_threads(), " threads share ", omp_get_num_procs(),
                               " cores on host ", world.host(), ": set OMP_NUM_THREADS to at most ",
                               std::max(1, omp_get_num_procs() / world.local_size())));
  }
  look_at_gpus(report);
  look_at_storage(report);
  return report;
}

int doctor(comm::World& world, bool as_json) {
  const auto places = world.gather(cat(world.host(), ", process ", ::getpid(), ", local rank ", world.local_rank()));
  if (!world.is_root()) return kExitDone;
  Report report = examine(world);
  report.facts["ranks"] = places;
  report.facts["wrong"] = report.wrong;
  if (as_json) {
    std::cout << report.facts.dump() << std::endl;
    return kExitDone;
  }
  for (const auto& [name, value] : report.facts.items()) {
    if (value.is_string()) std::cout << name << ": " << value.get<std::string>() << "\n";
  }
  int index = 0;
  for (const auto& gpu : report.facts["GPUs"]) {
    std::cout << "GPU " << index++ << ": " << gpu["name"].get<std::string>() << ", "
              << human_bytes(gpu["memory_bytes"].get<std::uint64_t>()) << ", compute capability "
              << gpu["compute_capability"].get<std::string>() << ", " << gpu["pci_address"].get<std::string>() << "\n";
  }
  for (std::size_t rank = 0; rank < places.size(); ++rank) std::cout << "rank " << rank << ": " << places[rank] << "\n";
  if (report.wrong.empty()) std::cout << "nothing is wrong\n";
  for (const std::string& line : report.wrong) std::cout << "WRONG: " << line << "\n";
  std::cout << std::flush;
  return kExitDone;
}

}  // namespace

void add_doctor(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("doctor", "print versions, ranks, hosts, GPUs and storage, and what is wrong with them");
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "print one JSON object on the last line of standard output");
  command->callback([=, &run] { run = [=](comm::World& world) { return doctor(world, *as_json); }; });
}

}  // namespace dltonic::app
