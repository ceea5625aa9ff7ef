#include "store/state_file.h"

#include <algorithm>
#include <string>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/hdf5_info.h"
#include "store/manifest.h"
#include "store/space.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;

/// Calls visit(T{}) with the type of the elements.
template <class Visit>
hid_t visit_type(DType type, Visit visit) {
  switch (type) {
    case DType::f32:
      return visit(float{});
    case DType::f64:
      return visit(double{});
    case DType::i32:
      return visit(std::int32_t{});
    case DType::i64:
      return visit(std::int64_t{});
    case DType::u8:
      break;
  }
  return visit(std::uint8_t{});
}

hid_t file_type(DType type) {
  return visit_type(type, [](auto value) { return h5::file_type<decltype(value)>(); });
}

/// Returns where its bytes begin.
std::uint64_t write_tensor(const h5::Handle& file, const fs::path& path, const TensorView& tensor) {
  const h5::Where where{path, "/" + tensor.name};
  const h5::Handle dataset =
      h5::create_dataset(file.get(), where, file_type(tensor.type), {tensor.shape.begin(), tensor.shape.end()});
  if (tensor.elements() == 0) return 0;
  if (tensor.bytes() < kLargeTensor) {
    h5::checked(H5Dwrite(dataset.get(), hdf5_memory_type(tensor.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.data), "write",
                where);
  }
  const haddr_t at = H5Dget_offset(dataset.get());
  if (at == HADDR_UNDEF) h5::fail("find the data of", where);
  return at;
}

StateLayout lay_out(const fs::path& path, std::int64_t step, std::span<const TensorView> tensors) {
  constexpr hsize_t kPage = 4096;
  constexpr std::uint64_t kMetadataBytes = std::uint64_t{1} << 20;  // headers, trees, groups
  const h5::Where where{path, {}};
  const h5::Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_alignment(access.get(), kLargeTensor, kPage);
  std::uint64_t bytes = kMetadataBytes;
  for (const TensorView& tensor : tensors) bytes += tensor.bytes();
  require_space(path, 0, bytes);  // HDF5 writes as it creates, and says at length what a full disk is
  h5::Handle file(h5::checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), "create", where), H5Fclose);
  claim_space(path, 0, bytes);
  h5::write_attribute(file.get(), path, "schema", kCheckpointSchema);
  h5::write_attribute(file.get(), path, "version", kCheckpointVersion);
  h5::write_attribute(file.get(), path, "step", step);
  StateLayout layout;
  for (const TensorView& tensor : tensors) layout.at.push_back(write_tensor(file, path, tensor));
  h5::checked(H5Fclose(file.release()), "close", where);
  layout.bytes = fs::file_size(path);
  fs::resize_file(path, layout.bytes);  // gives back what was claimed and not used
  return layout;
}

}  // namespace

hid_t hdf5_memory_type(DType type) {
  return visit_type(type, [](auto value) { return h5::memory_type<decltype(value)>(); });
}

StateLayout lay_out_state(const fs::path& file, std::int64_t step, std::span<const TensorView> tensors) {
  set_up_hdf5();
  const std::scoped_lock lock(h5::mutex());
  try {
    return lay_out(file, step, tensors);
  } catch (...) {
    std::error_code gone_already;
    fs::remove(file, gone_already);
    throw;
  }
}

}  // namespace dltonic::store
