/// HDF5's C interface with handles that close themselves and errors that say which file, which object and why.
/// Includes hdf5.h: for sources of store only.
#pragma once

#ifndef OMPI_SKIP_MPICXX  // hdf5.h includes mpi.h: not the C++ bindings
#define OMPI_SKIP_MPICXX
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX
#endif
#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace dltonic::store::h5 {

/// An identifier and the function that closes it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    reset();
    id_ = std::exchange(other.id_, H5I_INVALID_HID);
    close_ = other.close_;
    return *this;
  }
  ~Handle() { reset(); }
  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }
  void reset() {
    if (id_ >= 0) close_(id_);
    id_ = H5I_INVALID_HID;
  }

 private:
  hid_t id_ = H5I_INVALID_HID;
  Close close_ = nullptr;
};

/// HDF5 serves one thread at a time. Held by what may run beside another thread's calls: a save in the background, and reading
/// event files that are not contiguous. Never around a collective call. All else runs before the first save, or after the last.
std::mutex& mutex();

/// HDF5's innermost message of the last failure, and its error stack is empty again.
std::string last_error();

/// What an operation is about, for messages.
struct Where {
  const std::filesystem::path& file;
  std::string object;  ///< dataset or attribute, may be empty
};
/// Throws StorageError "cannot <operation> <object> in <file>: <HDF5's message>".
[[noreturn]] void fail(const char* operation, const Where& where);
inline hid_t checked(hid_t id, const char* operation, const Where& where) {
  if (id < 0) fail(operation, where);
  return id;
}

/// Types in memory (native) and in files (little-endian).
template <class T>
hid_t memory_type() {
  if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::byte>) return H5T_NATIVE_UINT8;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_NATIVE_UINT16;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_NATIVE_UINT32;
  else if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
  else if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
  else if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
  else if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
  else {
    static_assert(std::is_same_v<T, double>);
    return H5T_NATIVE_DOUBLE;
  }
}
template <class T>
hid_t file_type() {
  if constexpr (std::is_same_v<T, std::uint8_t> || std::is_same_v<T, std::byte>) return H5T_STD_U8LE;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return H5T_STD_U16LE;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_STD_U32LE;
  else if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_STD_U64LE;
  else if constexpr (std::is_same_v<T, std::int32_t>) return H5T_STD_I32LE;
  else if constexpr (std::is_same_v<T, std::int64_t>) return H5T_STD_I64LE;
  else if constexpr (std::is_same_v<T, float>) return H5T_IEEE_F32LE;
  else {
    static_assert(std::is_same_v<T, double>);
    return H5T_IEEE_F64LE;
  }
}

/// A contiguous dataset whose space is there at once and is not filled: in no call that waits for other ranks. Groups in the
/// name are made where they are missing. No dimensions: a scalar.
Handle create_dataset(hid_t file, const Where& where, hid_t type, const std::vector<hsize_t>& extent);
/// Of the file's root.
void write_attribute(hid_t file, const std::filesystem::path& path, const std::string& name, const std::string& text);
void write_attribute(hid_t file, const std::filesystem::path& path, const std::string& name, std::int64_t number);

/// A file opened by this rank alone for reading. Every fault is a DataError that names the file.
class ReadFile {
 public:
  /// `remedy` ends messages about damage: "run prepare again".
  ReadFile(const std::filesystem::path& path, std::string remedy);

  const std::filesystem::path& path() const { return path_; }
  hid_t id() const { return file_.get(); }
  [[noreturn]] void damaged(const std::string& what) const;

  /// Checks the attributes schema and version.
  void expect_schema(const std::string& schema, std::int64_t version) const;

  std::string text_attribute(const std::string& name) const;
  std::int64_t number_attribute(const std::string& name) const;

  Handle dataset(const std::string& name) const;
  std::vector<hsize_t> extent(const Handle& dataset, const std::string& name) const;
  /// The whole of a one-dimensional dataset of integers that must be stored as T is.
  template <class T>
  std::vector<T> column(const std::string& name) const {
    std::vector<T> values(rows_of(name, file_type<T>()));
    read_all(name, memory_type<T>(), values.data());
    return values;
  }
  std::vector<std::string> strings(const std::string& name) const;
  /// Elements first … first + count − 1 of an open one-dimensional dataset.
  void read_slab(const Handle& dataset, const std::string& name, hid_t type, std::uint64_t first, std::uint64_t count,
                 void* out) const;
  void read_all(const std::string& name, hid_t type, void* out) const;

 private:
  std::size_t rows_of(const std::string& name, hid_t type) const;
  std::filesystem::path path_;
  std::string remedy_;
  Handle file_;
};

}  // namespace dltonic::store::h5
