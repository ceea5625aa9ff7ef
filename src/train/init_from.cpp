#include "dltonic/train/init_from.h"

#include <algorithm>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/checkpoint_store.h"

namespace dltonic::train {
namespace {

namespace fs = std::filesystem;

/// What an optimiser keeps beside the weights, by the names that models give their state.
bool is_weight(const std::string& name) {
  return name != "step" && !name.ends_with("moment1") && !name.ends_with("moment2") && !name.ends_with("_updates");
}

/// "layer0/logits" -> "layer0", "hidden1.weight" -> "hidden1"
std::string layer_of(const std::string& name) { return name.substr(0, name.find_first_of("/.")); }

fs::path checkpoint_of_run(const fs::path& run, const std::string& which) {
  const store::CheckpointStore checkpoints(fs::is_directory(run / "checkpoints") ? run / "checkpoints" : run);
  if (which.empty() && !checkpoints.marker("best")) return checkpoints.find("latest").path;
  return checkpoints.find(which.empty() ? "best" : which).path;
}

}  // namespace

fs::path find_checkpoint(const std::string& from, std::span<const fs::path> runs) {
  if (fs::exists(fs::path(from) / "manifest.json")) return from;
  std::vector<std::string> tried;
  for (std::size_t colon = from.find(':');; colon = from.find(':', colon + 1)) {
    const std::string run = from.substr(0, colon);
    const std::string which = colon == std::string::npos ? "" : from.substr(colon + 1);
    std::vector<fs::path> places{run};
    for (const fs::path& folder : runs) places.push_back(folder / run);
    for (const fs::path& place : places) {
      if (!run.empty() && fs::is_directory(place)) return checkpoint_of_run(place, which);
      tried.push_back(place.string());
    }
    if (colon == std::string::npos) break;
  }
  throw ConfigError(
      cat("train.init_from: '", from, "' names neither a run nor a checkpoint; there is no ", join(tried, ", no ")));
}

std::vector<std::string> take_weights(comm::World& world, const fs::path& checkpoint, std::span<const TensorView> state,
                                      const std::vector<std::string>& layers) {
  std::vector<TensorView> wanted;
  std::vector<std::string> names;
  world.agree("choose the weights to begin with", [&] {
    std::set<std::string> known;
    for (const TensorView& tensor : state) {
      if (!is_weight(tensor.name)) continue;
      known.insert(layer_of(tensor.name));
      if (!layers.empty() && std::find(layers.begin(), layers.end(), layer_of(tensor.name)) == layers.end()) continue;
      wanted.push_back(tensor);
      names.push_back(tensor.name);
    }
    for (const std::string& layer : layers) {
      if (!known.contains(layer)) {
        throw ConfigError(cat("train.init_layers: this model has no layer '", layer, "'; it has ",
                              join(std::vector<std::string>(known.begin(), known.end()))));
      }
    }
  });
  store::CheckpointStore::load(world, checkpoint, wanted, store::CheckpointStore::Others::left);
  return names;
}

}  // namespace dltonic::train
