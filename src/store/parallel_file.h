/// An HDF5 file that all ranks write together. It is made under a name of its own (part_file.h) and gets its
/// final one in commit(), so that no half file ever bears that.
///
/// Every step is one collective HDF5 call followed by an agreement: a call that fails on one rank fails on all, before
/// anybody enters the next one, and a rank without data takes part with an empty selection.
///
/// Slabs are written with independent transfers, all ranks at once: they are contiguous and disjoint,
/// so collective buffering has nothing to gather, and a collective transfer that fails on one rank (a disk that is full
/// after all) leaves the others waiting inside HDF5 1.10, which sets the file view anew afterwards. After a failure the file is
/// emptied, removed and never closed: closing is collective and writes, so it could hang or fail again. What stays is a
/// descriptor and some memory until the process ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "store/h5.h"

namespace dltonic::store {

class ParallelFile {
 public:
  using Dataset = std::size_t;

  /// collective, as all methods but the destructor, which removes a file that was not committed
  ParallelFile(comm::World& world, const std::filesystem::path& path);
  ~ParallelFile();
  ParallelFile(const ParallelFile&) = delete;
  ParallelFile& operator=(const ParallelFile&) = delete;

  comm::World& world() { return world_; }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& part() const { return part_; }  ///< its name until commit()

  /// Makes sure of space for `bytes` more (of all ranks together).
  void claim(std::uint64_t bytes);

  void text_attribute(const std::string& name, const std::string& text);
  void number_attribute(const std::string& name, std::int64_t value);

  /// Contiguous. Groups in `name` are made where they are missing. No dimensions: a scalar.
  Dataset create(const std::string& name, hid_t file_type, const std::vector<hsize_t>& extent);
  /// This rank's rows first … first + rows − 1 (whole rows; 0 rows: none; a scalar counts as one row).
  void write(Dataset dataset, hid_t memory_type, hsize_t first, hsize_t rows, const void* data);

  /// A one-dimensional dataset whose values root has (`rows` is the same on all ranks).
  template <class T>
  void write_column(const std::string& name, const std::vector<T>& root_values, hsize_t rows) {
    const Dataset dataset = create(name, h5::file_type<T>(), {rows});
    write(dataset, h5::memory_type<T>(), 0, world_.is_root() ? rows : 0, root_values.data());
  }
  /// The same for texts, zero-padded to the longest.
  void write_strings(const std::string& name, const std::vector<std::string>& root_texts);

  /// Close, sync, rename.
  void commit();

  /// Longest piece that a rank writes in one call: MPI counts are ints. Tests make it small.
  static inline std::uint64_t piece_bytes = std::uint64_t{256} << 20;

 private:
  struct Open {
    std::string name;
    std::vector<hsize_t> extent;
    h5::Handle handle;
  };

  /// One collective call that fails on all ranks or on none.
  void together(const std::string& what, const std::function<void()>& call);
  void write_piece(const Open& dataset, hid_t memory_type, hsize_t first, hsize_t rows, const void* data);
  void discard();

  comm::World& world_;
  std::filesystem::path path_, part_;
  std::uint64_t claimed_ = 0;
  h5::Handle file_;
  std::vector<Open> datasets_;
  bool over_ = false;  ///< committed or discarded
};

}  // namespace dltonic::store
