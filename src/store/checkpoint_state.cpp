/// Saving and loading of a checkpoint's tensors.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "store/manifest.h"
#include "store/parallel_file.h"
#include "store/read_back.h"

namespace dltonic::store {
namespace {

hid_t memory_type(DType type) {
  switch (type) {
    case DType::f32:
      return h5::memory_type<float>();
    case DType::f64:
      return h5::memory_type<double>();
    case DType::i32:
      return h5::memory_type<std::int32_t>();
    case DType::i64:
      return h5::memory_type<std::int64_t>();
    case DType::u8:
      break;
  }
  return h5::memory_type<std::uint8_t>();
}

hid_t file_type(DType type) {
  switch (type) {
    case DType::f32:
      return h5::file_type<float>();
    case DType::f64:
      return h5::file_type<double>();
    case DType::i32:
      return h5::file_type<std::int32_t>();
    case DType::i64:
      return h5::file_type<std::int64_t>();
    case DType::u8:
      break;
  }
  return h5::file_type<std::uint8_t>();
}

/// Every rank must bring the same list, or the collective writes would not meet.
void expect_same_everywhere(comm::World& world, std::span<const TensorView> tensors) {
  std::string mine;
  for (const TensorView& tensor : tensors) mine += cat(tensor.name, " ", layout_text(tensor), "\n");
  const std::string roots = world.broadcast(mine);
  world.agree("saving a checkpoint", [&] {
    if (mine != roots) throw DataError(cat("the tensors to save are not those of rank 0:\n", mine, "rank 0:\n", roots));
    std::set<std::string> names;
    for (const TensorView& tensor : tensors) {
      if (!names.insert(tensor.name).second) throw DataError(cat("two tensors to save are named ", tensor.name));
    }
  });
}

/// Each rank writes whole rows of the first dimension; what has no row for everybody is root's.
Written write_tensor(ParallelFile& file, const TensorView& tensor, comm::World& world) {
  const std::vector<hsize_t> extent(tensor.shape.begin(), tensor.shape.end());
  const auto dataset = file.create("/" + tensor.name, file_type(tensor.type), extent);
  const auto* const data = static_cast<const std::byte*>(tensor.data);
  if (tensor.elements() == 0) return {tensor.name, 0, data, 0};
  comm::Share share{0, 0};
  if (extent.empty()) share.count = world.is_root() ? 1 : 0;
  else share = comm::share_of(extent[0], world.rank(), world.size());
  const std::uint64_t row_bytes = extent.empty() ? tensor.bytes() : tensor.bytes() / extent[0];
  file.write(dataset, memory_type(tensor.type), share.first, share.count, data + share.first * row_bytes);
  return {tensor.name, file.offset_of(dataset), data, tensor.bytes()};
}

/// A name that no checkpoint has yet.
std::filesystem::path fresh_name(const std::filesystem::path& folder, std::int64_t step, const std::string& time) {
  const std::string name = cat("step-", step, "_", time);
  std::filesystem::path path = folder / name;
  for (int again = 2; std::filesystem::exists(path); ++again) path = folder / cat(name, "-", again);
  return path;
}

}  // namespace

std::filesystem::path CheckpointStore::save(comm::World& world, std::int64_t step, std::span<const TensorView> tensors,
                                            const std::vector<std::pair<std::string, std::string>>& parts, SaveReport* report) {
  const Stopwatch watch;
  expect_same_everywhere(world, tensors);
  std::filesystem::path target, part;
  Manifest manifest;
  manifest.step = step;
  manifest.time = utc_compact();
  std::string name;
  world.agree("saving a checkpoint", [&] {
    for (const auto& [key, text] : parts) {
      manifest.parts[key] = nlohmann::json::parse(text, nullptr, false);
      if (manifest.parts[key].is_discarded()) throw DataError(cat("the checkpoint's part '", key, "' is no JSON text: ", text));
    }
    fail_at(fault::kBeforeWrite, step);
    if (!world.is_root()) return;
    make_directories(folder_);
    remove_leftovers();
    name = fresh_name(folder_, step, manifest.time).filename().string();
    make_directories(folder_ / (name + ".part"));
  });
  target = folder_ / world.broadcast(name);
  part = target.string() + ".part";
  try {
    std::uint64_t bytes = 0;
    for (const TensorView& tensor : tensors) bytes += tensor.bytes();
    {
      ParallelFile file(world, part / kStateFile);
      file.claim(bytes);
      file.text_attribute("schema", kCheckpointSchema);
      file.number_attribute("version", kCheckpointVersion);
      file.number_attribute("step", step);
      std::vector<Written> written;
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (i == tensors.size() / 2) fail_at(fault::kBetweenRanksWrites, step);
        written.push_back(write_tensor(file, tensors[i], world));
      }
      file.commit([&](const std::filesystem::path& made) { manifest.state_sha256 = sha256_of_written(made, written); });
    }
    const double durable_s = watch.seconds();
    world.agree("finishing the checkpoint " + target.string(), [&] {
      fail_at(fault::kBeforeManifest, step);
      if (!world.is_root()) return fail_at(fault::kBeforeRename, step);
      manifest.state_bytes = std::filesystem::file_size(part / kStateFile);
      for (const TensorView& tensor : tensors) manifest.tensors.push_back({tensor.name, tensor.type, tensor.shape, nullptr});
      write_file_atomic(part / kManifestFile, manifest_text(manifest));
      fail_at(fault::kBeforeRename, step);
      rename_durably(part, target);
    });
    if (report != nullptr) *report = {manifest.state_bytes, manifest.state_sha256, durable_s, watch.seconds()};
  } catch (...) {
    std::error_code ignored;
    if (world.is_root()) std::filesystem::remove_all(part, ignored);
    throw;
  }
  return target;
}

namespace {

/// All that differs between what the checkpoint holds and what is wanted.
std::vector<std::string> differences(const std::vector<TensorView>& saved, std::span<const TensorView> wanted,
                                     CheckpointStore::Others others) {
  std::map<std::string, const TensorView*> by_name;
  for (const TensorView& tensor : saved) by_name[tensor.name] = &tensor;
  std::vector<std::string> found;
  for (const TensorView& tensor : wanted) {
    const auto it = by_name.find(tensor.name);
    if (it == by_name.end()) {
      found.push_back(cat(tensor.name, ": not in the checkpoint, ", layout_text(tensor), " wanted"));
      continue;
    }
    if (it->second->type != tensor.type || it->second->shape != tensor.shape) {
      found.push_back(cat(tensor.name, ": ", layout_text(*it->second), " in the checkpoint, ", layout_text(tensor), " wanted"));
    }
    by_name.erase(it);
  }
  if (others == CheckpointStore::Others::left) return found;
  for (const auto& [name, tensor] : by_name)
    found.push_back(cat(name, ": ", layout_text(*tensor), " in the checkpoint, not wanted"));
  return found;
}

}  // namespace

void CheckpointStore::load(comm::World& world, const std::filesystem::path& checkpoint, std::span<const TensorView> tensors,
                           Others others) {
  const std::string what = "loading the checkpoint " + checkpoint.string();
  world.agree(what, [&] {
    if (!world.is_root()) return;
    const std::string fault = verify(checkpoint);
    if (!fault.empty()) throw DataError(cat(checkpoint.string(), " is damaged: ", fault));
  });
  world.agree(what, [&] {
    const auto faults = differences(read_manifest(checkpoint).tensors, tensors, others);
    if (!faults.empty()) throw DataError(cat(checkpoint.string(), " does not fit this model:\n  ", join(faults, "\n  ")));
    const h5::ReadFile file(checkpoint / kStateFile, "use another checkpoint");
    file.expect_schema(kCheckpointSchema, kCheckpointVersion);
    for (const TensorView& tensor : tensors) {
      const std::string name = "/" + tensor.name;
      const h5::Handle dataset = file.dataset(name);
      const auto extent = file.extent(dataset, name);
      if (!std::equal(extent.begin(), extent.end(), tensor.shape.begin(), tensor.shape.end()))
        file.damaged(cat(name, " has not the shape that the manifest says"));
      if (tensor.elements() > 0) file.read_all(name, memory_type(tensor.type), tensor.data);
    }
  });
}

}  // namespace dltonic::store
