/// state.h5 of a checkpoint, laid out by HDF5 on one rank alone. No other rank ever waits for HDF5 in a save: each such wait
/// costs a moment on all ranks, a long one where their threads have to wait for cores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "dltonic/core/tensor_view.h"
#include "store/h5.h"

namespace dltonic::store {

/// What has at least this many bytes begins at a page of its own and is not written by lay_out_state().
constexpr std::uint64_t kLargeTensor = std::uint64_t{64} << 10;

struct StateLayout {
  std::uint64_t bytes = 0;        ///< of the file
  std::vector<std::uint64_t> at;  ///< [tensor] where its bytes begin, in the order of its elements; 0 where it has none
};

/// Makes the file, which is closed afterwards and has its full length and space on the disk: attributes, a dataset a tensor,
/// and the values of those below kLargeTensor. Nothing is synced. Throws StorageError, DiskFull; no file is left then.
StateLayout lay_out_state(const std::filesystem::path& file, std::int64_t step, std::span<const TensorView> tensors);

/// The type of such elements in memory.
hid_t hdf5_memory_type(DType type);

}  // namespace dltonic::store
