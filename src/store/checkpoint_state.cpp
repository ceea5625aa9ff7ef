/// Saving and loading of a checkpoint's tensors.
#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"
#include "store/h5.h"
#include "store/manifest.h"
#include "store/slabs.h"
#include "store/space.h"
#include "store/state_file.h"

namespace dltonic::store {
namespace {

/// Every rank must bring the same list.
std::string list_of(std::span<const TensorView> tensors) {
  std::string list;
  for (const TensorView& tensor : tensors) list += cat(tensor.name, " ", layout_text(tensor), "\n");
  return list;
}

void expect_names_differ(std::span<const TensorView> tensors) {
  std::set<std::string> names;
  for (const TensorView& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw DataError(cat("two tensors to save are named ", tensor.name));
  }
}

/// What rank 0 has made, for all.
struct Begun {
  std::string name;  ///< of the checkpoint
  std::string list;  ///< of its tensors
  StateLayout layout;
};

Begun from_root(comm::World& world, const Begun& mine) {
  nlohmann::json told{{"name", mine.name}, {"list", mine.list}, {"bytes", mine.layout.bytes}, {"at", mine.layout.at}};
  told = nlohmann::json::parse(world.broadcast(told.dump()));
  return {told.at("name"), told.at("list"), {told.at("bytes"), told.at("at")}};
}

/// In the order of the file. Tensors without elements have no place.
std::vector<Slab> slabs_of(const StateLayout& layout, std::span<const TensorView> tensors, std::size_t finite) {
  std::vector<Slab> slabs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorView& tensor = tensors[i];
    if (tensor.elements() == 0) continue;
    slabs.push_back(
        {tensor.name, layout.at[i], static_cast<const std::byte*>(tensor.data), tensor.bytes(), tensor.type, i < finite});
  }
  std::sort(slabs.begin(), slabs.end(), [](const Slab& a, const Slab& b) { return a.at < b.at; });
  return slabs;
}

/// The bytes of the file that are this rank's to write and to read back: whole blocks, so that each is summed by one rank.
struct Own {
  std::uint64_t begin, end;
};
Own own_blocks(std::uint64_t bytes, const comm::World& world) {
  const comm::Share share = comm::share_of((bytes + kChecksumBlock - 1) / kChecksumBlock, world.rank(), world.size());
  const std::uint64_t begin = share.first * kChecksumBlock;
  return {begin, std::max(begin, std::min(bytes, begin + share.count * kChecksumBlock))};
}

double cpu_seconds_of_this_thread() {
  struct timespec time {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
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
                                            const std::vector<std::pair<std::string, std::string>>& parts, SaveReport* report,
                                            std::size_t finite) {
  const Stopwatch watch;
  const double cpu_before = cpu_seconds_of_this_thread();
  Manifest manifest;
  manifest.step = step;
  manifest.time = utc_compact();
  const std::string list = list_of(tensors);
  Begun begun{{}, list, {}};
  std::filesystem::path target, part;
  // Few agreements: where cores are scarce, each waits for threads of low priority on every rank.
  try {
    world.agree("saving a checkpoint", [&] {
      expect_names_differ(tensors);
      for (const auto& [key, text] : parts) {
        manifest.parts[key] = nlohmann::json::parse(text, nullptr, false);
        if (manifest.parts[key].is_discarded())
          throw DataError(cat("the checkpoint's part '", key, "' is no JSON text: ", text));
      }
      fail_at(fault::kBeforeWrite, step);
      if (!world.is_root()) return;
      make_directories(folder_);
      remove_leftovers();
      begun.name = fresh_name(folder_, step, manifest.time).filename().string();
      part = folder_ / (begun.name + ".part");
      make_directories(part);
      begun.layout = lay_out_state(part / kStateFile, step, tensors);
    });
    begun = from_root(world, begun);
    target = folder_ / begun.name;
    part = target.string() + ".part";
    const std::filesystem::path state = part / kStateFile;
    manifest.state_bytes = begun.layout.bytes;
    const Own own = own_blocks(manifest.state_bytes, world);
    std::vector<Slab> slabs;
    world.agree("writing " + target.string(), [&] {
      if (list != begun.list)
        throw DataError(cat("the tensors to save are not those of rank 0:\n", list, "rank 0:\n", begun.list));
      require_space(state, manifest.state_bytes, 0);  // limits of processes may differ
      slabs = slabs_of(begun.layout, tensors, finite);
      fail_at(fault::kBetweenRanksWrites, step);
      std::vector<Slab> large;
      std::copy_if(slabs.begin(), slabs.end(), std::back_inserter(large),
                   [](const Slab& slab) { return slab.bytes >= kLargeTensor; });
      write_slabs(state, large, own.begin, own.end);
    });
    const double durable_s = watch.seconds();
    std::vector<BlockDigest> digests;
    world.agree("reading back " + target.string(), [&] { digests = read_back(state, slabs, own.begin, own.end); });
    const std::vector<std::byte> all = world.gather_bytes(std::as_bytes(std::span(digests)));
    digests.resize(all.size() / sizeof(BlockDigest));
    std::memcpy(digests.data(), all.data(), all.size());
    manifest.state_checksum = checksum_of(digests);
    const double verified_s = watch.seconds();
    world.agree("finishing the checkpoint " + target.string(), [&] {
      fail_at(fault::kBeforeManifest, step);
      if (!world.is_root()) return fail_at(fault::kBeforeRename, step);
      for (const TensorView& tensor : tensors) manifest.tensors.push_back({tensor.name, tensor.type, tensor.shape, nullptr});
      write_file_atomic(part / kManifestFile, manifest_text(manifest));
      fail_at(fault::kBeforeRename, step);
      rename_durably(part, target);
    });
    if (report != nullptr) {
      const double cpu_s = world.sum(cpu_seconds_of_this_thread() - cpu_before);
      *report = {manifest.state_bytes, manifest.state_checksum, durable_s, verified_s, watch.seconds(), cpu_s};
    }
  } catch (...) {
    std::error_code ignored;
    if (world.is_root() && !part.empty()) std::filesystem::remove_all(part, ignored);
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
      if (tensor.elements() > 0) file.read_all(name, hdf5_memory_type(tensor.type), tensor.data);
    }
  });
}

}  // namespace dltonic::store
