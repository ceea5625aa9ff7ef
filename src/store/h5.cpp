#include "store/h5.h"

#include <cstdio>
#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/hdf5_info.h"

namespace dltonic::store::h5 {

std::mutex& mutex() {
  static std::mutex one;
  return one;
}

std::string last_error() {
  std::string message;
  const auto first = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && error->desc) text = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &message);
  H5Eclear2(H5E_DEFAULT);
  return message.empty() ? "HDF5 gives no reason" : message;
}

void fail(const char* operation, const Where& where) {
  const std::string reason = last_error();
  throw StorageError(
      cat("cannot ", operation, " ", where.object, where.object.empty() ? "" : " in ", where.file.string(), ": ", reason));
}

Handle create_dataset(hid_t file, const Where& where, hid_t type, const std::vector<hsize_t>& extent) {
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
  H5Pset_obj_track_times(creation.get(), false);  // the same content is the same bytes
  const Handle space(
      extent.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
      H5Sclose);
  const Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  return {checked(H5Dcreate2(file, where.object.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT), "create",
                  where),
          H5Dclose};
}

namespace {

void write_scalar(hid_t file, const std::filesystem::path& path, const std::string& name, hid_t stored_as, hid_t given_as,
                  const void* value) {
  const Where where{path, "attribute '" + name + "'"};
  const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute(
      checked(H5Acreate2(file, name.c_str(), stored_as, space.get(), H5P_DEFAULT, H5P_DEFAULT), "create", where), H5Aclose);
  checked(H5Awrite(attribute.get(), given_as, value), "write", where);
}

}  // namespace

void write_attribute(hid_t file, const std::filesystem::path& path, const std::string& name, const std::string& text) {
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  const char* const pointer = text.c_str();
  write_scalar(file, path, name, type.get(), type.get(), &pointer);
}

void write_attribute(hid_t file, const std::filesystem::path& path, const std::string& name, std::int64_t number) {
  write_scalar(file, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &number);
}

ReadFile::ReadFile(const std::filesystem::path& path, std::string remedy) : path_(path), remedy_(std::move(remedy)) {
  set_up_hdf5();
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path_, error);
  if (error) throw DataError(cat("cannot open ", path_.string(), ": ", error.message(), "; ", remedy_));
  file_ = Handle(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (file_) return;
  const std::string reason = last_error();
  unsigned long long has = 0, base = 0, expected = 0;
  const char* const truncated = std::strstr(reason.c_str(), "eof = ");
  if (truncated &&
      std::sscanf(truncated, "eof = %llu, sblock->base_addr = %llu, stored_eof = %llu", &has, &base, &expected) == 3) {
    damaged(cat("it has ", bytes, " bytes, ", base + expected, " expected"));
  }
  damaged(cat("HDF5 cannot open it (", bytes, " bytes): ", reason));
}

void ReadFile::damaged(const std::string& what) const {
  throw DataError(cat(path_.string(), " is damaged: ", what, "; ", remedy_));
}

void ReadFile::expect_schema(const std::string& schema, std::int64_t version) const {
  if (H5Aexists(file_.get(), "schema") <= 0)
    throw DataError(cat(path_.string(), " is no ", schema, " file: it has no attribute 'schema'; ", remedy_));
  const std::string found = text_attribute("schema");
  if (found != schema) throw DataError(cat(path_.string(), " holds '", found, "', not '", schema, "'; ", remedy_));
  const std::int64_t found_version = number_attribute("version");
  if (found_version != version) {
    throw DataError(cat(path_.string(), " is of version ", found_version, " of ", schema, ", this program reads version ",
                        version, "; ", remedy_));
  }
}

std::string ReadFile::text_attribute(const std::string& name) const {
  const Handle attribute(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute) damaged(cat("attribute '", name, "': ", last_error()));
  const Handle stored(H5Aget_type(attribute.get()), H5Tclose);
  if (H5Tget_class(stored.get()) != H5T_STRING || H5Tis_variable_str(stored.get()) <= 0)
    damaged(cat("attribute '", name, "' is no text"));
  const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  char* text = nullptr;
  if (H5Aread(attribute.get(), type.get(), &text) < 0 || !text) damaged(cat("attribute '", name, "': ", last_error()));
  std::string copy(text);
  H5free_memory(text);
  return copy;
}

std::int64_t ReadFile::number_attribute(const std::string& name) const {
  const Handle attribute(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  std::int64_t value = 0;
  if (!attribute || H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0)
    damaged(cat("attribute '", name, "': ", last_error()));
  return value;
}

Handle ReadFile::dataset(const std::string& name) const {
  // A chunk of 1 MB (the default cache holds just one less) is read once, not once a recording.
  const Handle access(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose);
  H5Pset_chunk_cache(access.get(), 521, std::size_t{4} << 20, 1.0);
  Handle handle(H5Dopen2(file_.get(), name.c_str(), access.get()), H5Dclose);
  if (!handle) damaged(cat("dataset ", name, ": ", last_error()));
  return handle;
}

std::vector<hsize_t> ReadFile::extent(const Handle& dataset, const std::string& name) const {
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const int rank = H5Sget_simple_extent_ndims(space.get());
  if (rank < 0) damaged(cat("dataset ", name, ": ", last_error()));
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr);
  return extent;
}

std::size_t ReadFile::rows_of(const std::string& name, hid_t type) const {
  const Handle handle = dataset(name);
  const auto rows = extent(handle, name);
  if (rows.size() != 1) damaged(cat("dataset ", name, " has ", rows.size(), " dimensions, 1 expected"));
  const Handle stored(H5Dget_type(handle.get()), H5Tclose);
  if (H5Tequal(stored.get(), type) <= 0) damaged(cat("dataset ", name, " has an unexpected element type"));
  return rows[0];
}

void ReadFile::read_all(const std::string& name, hid_t type, void* out) const {
  const Handle handle = dataset(name);
  if (H5Dread(handle.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0) damaged(cat("dataset ", name, ": ", last_error()));
}

void ReadFile::read_slab(const Handle& dataset, const std::string& name, hid_t type, std::uint64_t first, std::uint64_t count,
                         void* out) const {
  if (count == 0) return;
  const hsize_t start = first, length = count;
  const Handle space(H5Dget_space(dataset.get()), H5Sclose);
  const Handle memory(H5Screate_simple(1, &length, nullptr), H5Sclose);
  if (H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, &start, nullptr, &length, nullptr) < 0 ||
      H5Dread(dataset.get(), type, memory.get(), space.get(), H5P_DEFAULT, out) < 0) {
    damaged(cat("dataset ", name, ", elements ", first, " to ", first + count - 1, ": ", last_error()));
  }
}

std::vector<std::string> ReadFile::strings(const std::string& name) const {
  const Handle handle = dataset(name);
  const auto rows = extent(handle, name);
  const Handle stored(H5Dget_type(handle.get()), H5Tclose);
  if (rows.size() != 1 || H5Tget_class(stored.get()) != H5T_STRING || H5Tis_variable_str(stored.get()) != 0) {
    damaged(cat("dataset ", name, " is no list of texts of fixed length"));
  }
  const std::size_t length = H5Tget_size(stored.get());
  std::vector<char> bytes(rows[0] * length);
  if (!bytes.empty() && H5Dread(handle.get(), stored.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
    damaged(cat("dataset ", name, ": ", last_error()));
  std::vector<std::string> texts;
  texts.reserve(rows[0]);
  for (std::size_t i = 0; i < rows[0]; ++i) {
    const char* const text = bytes.data() + i * length;
    texts.emplace_back(text, strnlen(text, length));
  }
  return texts;
}

}  // namespace dltonic::store::h5
