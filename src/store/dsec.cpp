#include "dltonic/store/dsec.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "store/h5.h"
#include "store/part_file.h"

namespace dltonic::store {
namespace {

constexpr hsize_t kChunk = 1 << 16;
constexpr unsigned kGzip = 4;

template <class T>
void write_column(const h5::Handle& file, const std::filesystem::path& path, const char* name, const std::vector<T>& values) {
  const h5::Where where{path, name};
  const hsize_t rows = values.size(), chunk = std::clamp<hsize_t>(rows, 1, kChunk);
  const h5::Handle space(h5::checked(H5Screate_simple(1, &rows, nullptr), "create", where), H5Sclose);
  const h5::Handle options(h5::checked(H5Pcreate(H5P_DATASET_CREATE), "create", where), H5Pclose);
  if (H5Pset_chunk(options.get(), 1, &chunk) < 0 || H5Pset_shuffle(options.get()) < 0 ||
      H5Pset_deflate(options.get(), kGzip) < 0)
    h5::fail("compress", where);
  const h5::Handle dataset(
      h5::checked(H5Dcreate2(file.get(), name, h5::file_type<T>(), space.get(), H5P_DEFAULT, options.get(), H5P_DEFAULT),
                  "create", where),
      H5Dclose);
  if (H5Dwrite(dataset.get(), h5::memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) h5::fail("write", where);
}

/// The first event of every millisecond: t does not decrease.
std::vector<std::uint64_t> milliseconds(const std::vector<std::uint32_t>& t) {
  std::vector<std::uint64_t> first;
  for (std::uint64_t i = 0; i < t.size(); ++i) {
    while (first.size() * 1000 <= t[i]) first.push_back(i);
  }
  return first;
}

void write(const std::filesystem::path& path, const events::Recording& recording) {
  const h5::Where where{path, ""};
  const h5::Handle file(h5::checked(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), "create", where),
                        H5Fclose);
  {
    const h5::Handle group(
        h5::checked(H5Gcreate2(file.get(), "events", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), "create", {path, "events"}),
        H5Gclose);
  }
  const events::Events& events = recording.events;
  write_column(file, path, "events/x", events.x);
  write_column(file, path, "events/y", events.y);
  write_column(file, path, "events/t", events.t);
  write_column(file, path, "events/p", events.p);
  write_column(file, path, "ms_to_idx", milliseconds(events.t));
  const h5::Where offset{path, "t_offset"};
  const h5::Handle space(h5::checked(H5Screate(H5S_SCALAR), "create", offset), H5Sclose);
  const h5::Handle dataset(
      h5::checked(H5Dcreate2(file.get(), "t_offset", H5T_STD_I64LE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                  "create", offset),
      H5Dclose);
  if (H5Dwrite(dataset.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &recording.t_offset) < 0)
    h5::fail("write", offset);
  if (H5Fflush(file.get(), H5F_SCOPE_GLOBAL) < 0) h5::fail("write", where);
}

}  // namespace

void write_dsec(const std::filesystem::path& path, const events::Recording& recording) {
  const auto& t = recording.events.t;
  const auto back = std::adjacent_find(t.begin(), t.end(), std::greater<>());
  if (back != t.end()) {
    throw DataError(cat(path.string(), ": event ", back - t.begin() + 1, " lies at ", *(back + 1), " us, the one before at ",
                        *back, " us: the layout of DSEC needs times that do not decrease"));
  }
  const auto part = part_file(path);
  try {
    write(part, recording);
    sync_path(part);
    rename_durably(part, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    throw;
  }
}

}  // namespace dltonic::store
