#include "store/parallel_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dltonic/comm/mpi_handle.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/hdf5_info.h"
#include "store/part_file.h"
#include "store/space.h"

namespace dltonic::store {
namespace {

/// Room for what HDF5 writes beside the data: headers, trees, groups.
constexpr std::uint64_t kMetadataBytes = std::uint64_t{1} << 20;
/// Large objects start at page boundaries: what is read with pread is read by whole pages.
constexpr hsize_t kAlignFrom = 65536, kAlignTo = 4096;

void make_empty(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) throw StorageError(cat("cannot create ", path.string(), ": ", std::strerror(errno)));
  ::close(fd);
}

}  // namespace

ParallelFile::ParallelFile(comm::World& world, const std::filesystem::path& path)
    : world_(world), path_(path), part_(world.broadcast(part_file(path).string())) {
  set_up_hdf5();
  const std::string what = "creating " + path_.string();
  world_.agree(what, [&] {
    if (path_.string().find(':') != std::string::npos) {
      throw StorageError(cat("cannot create ", path_.string(),
                             ": MPI-IO takes what stands before a ':' for the kind of file system; choose a path without"));
    }
    if (!world_.is_root()) return;
    if (path_.has_parent_path()) make_directories(path_.parent_path());
    remove_stale_parts(path_);
    make_empty(part_);  // here the system's own reason can be given
  });
  try {
    claim(kMetadataBytes);
    together(what, [&] {
      const h5::Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
      // Nobody may read and write back what others wrote: no data sieving, and metadata goes piece by piece (written
      // collectively, ROMIO sieves it in windows of 512 kB, raw data and unwritten memory included).
      MPI_Info hints = MPI_INFO_NULL;
      MPI_Info_create(&hints);
      MPI_Info_set(hints, "romio_ds_write", "disable");
      H5Pset_fapl_mpio(access.get(), comm::mpi_comm(world_), hints);
      MPI_Info_free(&hints);
      H5Pset_alignment(access.get(), kAlignFrom, kAlignTo);
      file_ = h5::Handle(h5::checked(H5Fcreate(part_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), "create", {part_, {}}),
                         H5Fclose);
    });
  } catch (...) {  // the destructor will not run
    discard();
    throw;
  }
}

ParallelFile::~ParallelFile() {
  if (!over_) discard();
}

void ParallelFile::together(const std::string& what, const std::function<void()>& call) {
  try {
    world_.agree(what, call);
  } catch (const Error&) {
    discard();
    throw;
  }
}

void ParallelFile::discard() {
  over_ = true;
  // Closing would write metadata collectively: to a disk that may be full, with ranks that may be elsewhere.
  for (Open& dataset : datasets_) dataset.handle.release();
  file_.release();
  if (!world_.is_root()) return;
  std::error_code gone_already;
  std::filesystem::resize_file(part_, 0, gone_already);  // the space is free at once, though the descriptors stay open
  std::filesystem::remove(part_, gone_already);
}

void ParallelFile::claim(std::uint64_t bytes) {
  together("finding space for " + path_.string(), [&] {
    if (world_.is_root()) claim_space(part_, claimed_, bytes);
    else require_space(part_, claimed_, bytes);  // limits of processes may differ
  });
  claimed_ += bytes;
}

void ParallelFile::text_attribute(const std::string& name, const std::string& text) {
  together("writing " + path_.string(), [&] { h5::write_attribute(file_.get(), path_, name, text); });
}

void ParallelFile::number_attribute(const std::string& name, std::int64_t value) {
  together("writing " + path_.string(), [&] { h5::write_attribute(file_.get(), path_, name, value); });
}

ParallelFile::Dataset ParallelFile::create(const std::string& name, hid_t file_type, const std::vector<hsize_t>& extent) {
  together("writing " + path_.string(), [&] {
    datasets_.push_back({name, extent, h5::create_dataset(file_.get(), {path_, name}, file_type, extent)});
  });
  return datasets_.size() - 1;
}

void ParallelFile::write(Dataset dataset, hid_t memory_type, hsize_t first, hsize_t rows, const void* data) {
  const Open& open = datasets_.at(dataset);
  std::uint64_t row_bytes = H5Tget_size(memory_type);
  for (std::size_t d = 1; d < open.extent.size(); ++d) row_bytes *= open.extent[d];
  const hsize_t piece = std::max<hsize_t>(1, piece_bytes / std::max<std::uint64_t>(1, row_bytes));
  const auto rounds = static_cast<hsize_t>(world_.max(static_cast<double>((rows + piece - 1) / piece)));
  for (hsize_t round = 0; round < rounds; ++round) {
    const hsize_t done = std::min(rows, round * piece), count = std::min(piece, rows - done);
    write_piece(open, memory_type, first + done, count, static_cast<const std::byte*>(data) + done * row_bytes);
  }
}

void ParallelFile::write_piece(const Open& dataset, hid_t memory_type, hsize_t first, hsize_t rows, const void* data) {
  together("writing " + path_.string(), [&] {
    const h5::Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_INDEPENDENT);
    const h5::Handle space(H5Dget_space(dataset.handle.get()), H5Sclose);
    std::vector<hsize_t> start(dataset.extent.size(), 0), count = dataset.extent;
    h5::Handle memory;
    if (dataset.extent.empty()) {
      memory = h5::Handle(H5Screate(H5S_SCALAR), H5Sclose);
    } else {
      start[0] = first;
      count[0] = std::max<hsize_t>(1, rows);
      memory = h5::Handle(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose);
      if (rows > 0) H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    }
    if (rows == 0) {  // nothing from this rank, which still takes part
      H5Sselect_none(space.get());
      H5Sselect_none(memory.get());
    }
    static constexpr std::byte kNothing{};
    h5::checked(
        H5Dwrite(dataset.handle.get(), memory_type, memory.get(), space.get(), transfer.get(), rows > 0 ? data : &kNothing),
        "write", {path_, dataset.name});
  });
}

void ParallelFile::write_strings(const std::string& name, const std::vector<std::string>& root_texts) {
  std::size_t longest = 1;
  for (const std::string& text : root_texts) longest = std::max(longest, text.size());
  const bool root = world_.is_root();
  const auto length = static_cast<std::size_t>(world_.sum(root ? static_cast<std::int64_t>(longest) : 0));
  const auto rows = static_cast<hsize_t>(world_.sum(root ? static_cast<std::int64_t>(root_texts.size()) : 0));
  std::vector<char> bytes(root ? rows * length : 0, '\0');
  for (std::size_t i = 0; root && i < root_texts.size(); ++i)
    std::memcpy(bytes.data() + i * length, root_texts[i].data(), root_texts[i].size());
  const h5::Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), length);
  H5Tset_strpad(type.get(), H5T_STR_NULLPAD);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const Dataset dataset = create(name, type.get(), {rows});
  write(dataset, type.get(), 0, root ? rows : 0, bytes.data());
}

void ParallelFile::commit() {
  const std::string what = "finishing " + path_.string();
  together(what, [&] {
    for (Open& open : datasets_) h5::checked(H5Dclose(open.handle.release()), "close", {path_, open.name});
  });
  datasets_.clear();
  together(what, [&] { h5::checked(H5Fclose(file_.release()), "close", {path_, {}}); });
  together(what, [&] {  // gives back what was claimed and not used
    if (world_.is_root()) std::filesystem::resize_file(part_, std::filesystem::file_size(part_));
  });
  // Every rank syncs what its host still holds back. Not H5Fflush: that is a collective call in which a disk that fails on
  // one host would leave the others waiting.
  together(what, [&] { sync_path(part_); });
  together(what, [&] {
    if (world_.is_root()) rename_durably(part_, path_);
  });
  over_ = true;
}

}  // namespace dltonic::store
