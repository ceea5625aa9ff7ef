#include "dltonic/train/checkpoints.h"

#include <nlohmann/json.hpp>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/core/version.h"
#include "dltonic/store/hdf5_info.h"

namespace dltonic::train {
namespace {
constexpr double kSaveLimit_s = 1800;
}

Checkpoints::Checkpoints(comm::World& world, const std::filesystem::path& folder, int keep_last, std::string config)
    : world_(world), store_(folder), keep_last_(keep_last), config_(std::move(config)) {}

void Checkpoints::set_input(const data::FrameShape& shape, const std::vector<std::string>& classes) {
  input_ = nlohmann::json{{"channels", shape.channels}, {"height", shape.height}, {"width", shape.width}, {"classes", classes}}
               .dump();
}

void Checkpoints::save(std::int64_t step, double epoch, std::span<const TensorView> tensors,
                       const std::vector<std::pair<std::string, double>>& metrics, bool is_best) {
  const auto phase = world_.phase("save a checkpoint", kSaveLimit_s);
  nlohmann::json values = nlohmann::json::object();
  for (const auto& [name, value] : metrics) values[name] = value;
  const nlohmann::json progress{{"step", step}, {"epoch", epoch}, {"time", utc_iso()}, {"ranks", world_.size()}};
  const nlohmann::json versions{{"dltonic", version()}, {"git", git_hash()}, {"hdf5", store::hdf5_info().version}};
  const auto path = store_.save(world_, step, tensors,
                                {{"progress", progress.dump()},
                                 {"metrics", values.dump()},
                                 {"versions", versions.dump()},
                                 {"input", input_},
                                 {"config", config_}});
  world_.agree("mark and prune checkpoints", [&] {
    if (!world_.is_root()) return;
    store_.set_marker("latest", path);
    if (is_best) store_.set_marker("best", path);
    prune();
  });
}

void Checkpoints::prune() {
  const auto best = store_.marker("best");
  int kept = 0;
  for (const auto& entry : store_.list()) {
    if (!entry.good()) continue;  // a broken one is left for a person to look at
    if (kept < keep_last_) ++kept;
    else if (!best || entry.path != *best) store::CheckpointStore::remove(entry.path);
  }
}

void Checkpoints::load(const std::string& name, std::span<const TensorView> tensors) {
  const auto phase = world_.phase("load a checkpoint", kSaveLimit_s);
  const auto path = store_.folder() / name;
  world_.agree("compare the checkpoint with the data", [&] {
    const std::string made_for = store::CheckpointStore::part(path, "input");
    if (input_.empty() || made_for.empty() || nlohmann::json::parse(made_for) == nlohmann::json::parse(input_)) return;
    throw DataError(cat("checkpoint ", path.string(), " reads other frames than this configuration gives: ", made_for,
                        " there, ", input_, " here; use the data settings it was trained with"));
  });
  store::CheckpointStore::load(world_, path, tensors);
}

std::optional<std::string> Checkpoints::newest_good() {
  std::vector<std::string> skipped;
  const auto newest = store_.newest_good(world_, &skipped);
  if (world_.is_root()) {
    for (const std::string& line : skipped) log::warn("passed over a checkpoint: " + line);
  }
  if (!newest) return std::nullopt;
  return newest->name;
}

std::string Checkpoints::resolve(const std::string& which) {
  std::string name;
  world_.agree("choose a checkpoint", [&] {
    if (!world_.is_root()) return;
    if (which == "best" || which == "latest") {
      if (const auto path = store_.marker(which)) name = path->filename().string();
    } else if (std::filesystem::exists(store_.folder() / which / "manifest.json")) {
      name = which;
    }
    if (!name.empty()) return;
    std::vector<std::string> names;
    for (const auto& entry : store_.list()) names.push_back(entry.name + (entry.good() ? "" : " (" + entry.fault + ")"));
    throw ConfigError(cat("no checkpoint '", which, "' in ", store_.folder().string(), "; there ",
                          names.empty() ? "is none" : "are " + join(names)));
  });
  return world_.broadcast(name);
}

}  // namespace dltonic::train
