#include "dltonic/config/migration.h"

#include "dltonic/core/text.h"

namespace dltonic::config {

const std::vector<Migration>& migrations() {
  static const std::vector<Migration> table{
      {"model.difflogic.num_neurons", "model.gates", "the width of one layer"},
      {"model.difflogic.num_layers", "model.layers", ""},
      {"model.difflogic.connections", "model.wiring", ""},
      {"model.difflogic.grad_factor", "model.grad_factor", ""},
      {"model.difflogic.tau", "model.tau", ""},
      {"data.frame_mode", "data.frames.mode", ""},
      {"data.events_per_frame", "data.frames.events_per_frame", ""},
      {"data.time_window", "data.frames.window_us", "microseconds"},
      {"data.overlap", "data.frames.overlap", ""},
      {"data.denoise_time", "data.filters.denoise_us", "microseconds"},
      {"data.downsample_pool_size", "data.frames.downsample", ""},
      {"data.test_split", "data.test_split", ""},
      {"data.val_split", "data.val_split", ""},
      {"data.augmentation.*", "", "set the single keys data.augmentation.shift, flip_x, flip_y, drop and salt_pepper"},
      {"train.epochs", "train.epochs", ""},
      {"train.learning_rate", "train.learning_rate", ""},
      {"train.dataloader.batch_size", "train.batch_size", "the global batch, over all ranks"},
      {"train.dataloader.num_workers", "", "there is nothing to set: OMP_NUM_THREADS gives the threads of a rank"},
      {"train.checkpoint_interval_minutes", "checkpoint.every_minutes", ""},
      {"defaults", "", "a file has 'include: [../dataset/NAME.yaml, ../model/NAME.yaml]' instead"},
      {"base.seed", "train.seed", ""},
      {"base.job_id", "run.name", ""},
  };
  return table;
}

std::string migration_advice(std::string_view old_key) {
  for (const Migration& entry : migrations()) {
    const bool any = entry.old_key.ends_with('*');
    if (any ? !old_key.starts_with(entry.old_key.substr(0, entry.old_key.size() - 1)) : old_key != entry.old_key) continue;
    if (entry.new_key == old_key) return "";
    if (entry.new_key.empty()) return cat("the Python tool had it; here ", entry.note);
    return cat("the Python tool's ", old_key, " is ", entry.new_key, " here",
               entry.note.empty() ? "" : cat(" (", entry.note, ")"));
  }
  return "";
}

}  // namespace dltonic::config
