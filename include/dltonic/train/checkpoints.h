/// Which checkpoints are made and kept: the policy above store::CheckpointStore. The newest `keep_last` stay, and the best.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/tensor_view.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/store/checkpoint_store.h"

namespace dltonic::train {

class Checkpoints {
 public:
  /// `config`: the effective configuration as JSON text; goes into every manifest.
  Checkpoints(comm::World& world, const std::filesystem::path& folder, int keep_last, std::string config);

  /// What the model reads: goes into every manifest, and a checkpoint of a model for other input is refused by load().
  void set_input(const data::FrameShape& shape, const std::vector<std::string>& classes);

  /// Saves, moves the markers `latest` and, where it is the best, `best`, and then prunes. collective
  void save(std::int64_t step, double epoch, std::span<const TensorView> tensors,
            const std::vector<std::pair<std::string, double>>& metrics, bool is_best);
  /// Reads checkpoint `name` into the views. DataError with the differences where it does not fit. collective
  void load(const std::string& name, std::span<const TensorView> tensors);

  /// Name of the newest checkpoint that is whole; each broken one that is passed over is warned of. collective
  std::optional<std::string> newest_good();
  /// "best", "latest" or a checkpoint's name → the name. ConfigError that lists what there is. collective
  std::string resolve(const std::string& which);

 private:
  void prune();

  comm::World& world_;
  store::CheckpointStore store_;
  int keep_last_;
  std::string config_, input_;
};

}  // namespace dltonic::train
