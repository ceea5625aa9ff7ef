#include "dltonic/train/checkpoint_options.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace dltonic::train {

void CheckpointOptions::bind(config::Section& s) {
  s.key(
       "mode", mode,
       "background: steps wait only until the weights are copied, a thread of its own writes them; blocking: until they are on "
       "the disk")
      .choices({"background", "blocking"});
  s.key("every_epochs", every_epochs, "save at the end of every so many epochs; 0: not for their sake").unit("epochs").min(0);
  s.key("every_steps", every_steps, "save every so many steps; 0: not for their sake").unit("steps").min(0);
  s.key("every_minutes", every_minutes, "save when the last save is this old, in mid-epoch too; 0: not for its sake")
      .unit("minutes")
      .min(0);
  s.key("keep_last", keep_last, "newest checkpoints that are kept").min(1);
  s.key("keep_best", keep_best, "checkpoints that are kept for their value of train.monitor").min(1);
  s.key("keep_every_epochs", keep_every_epochs, "checkpoints of every so many whole epochs are kept for good; 0: none").min(0);
  s.key("keep_every_steps", keep_every_steps, "checkpoints of steps that are a multiple of this are kept for good; 0: none")
      .min(0);
}

std::vector<std::string> given_up(std::span<const RetentionEntry> entries, const CheckpointOptions& options,
                                  const Monitor& monitor, std::span<const std::string> always) {
  std::set<std::string> kept(always.begin(), always.end());
  for (std::size_t i = 0; i < std::min(entries.size(), static_cast<std::size_t>(options.keep_last)); ++i)
    kept.insert(entries[i].name);
  std::vector<const RetentionEntry*> measured;
  for (const RetentionEntry& entry : entries) {
    if (entry.value && !std::isnan(*entry.value)) measured.push_back(&entry);
    const bool whole = entry.epoch > 0 && entry.epoch == std::floor(entry.epoch);
    if (options.keep_every_epochs > 0 && whole && std::fmod(entry.epoch, options.keep_every_epochs) == 0)
      kept.insert(entry.name);
    if (options.keep_every_steps > 0 && entry.step > 0 && entry.step % options.keep_every_steps == 0) kept.insert(entry.name);
  }
  // Stable: among equals the newer one stays in front.
  std::stable_sort(measured.begin(), measured.end(), [&](const RetentionEntry* a, const RetentionEntry* b) {
    return monitor.smaller_is_better ? *a->value < *b->value : *a->value > *b->value;
  });
  for (std::size_t i = 0; i < std::min(measured.size(), static_cast<std::size_t>(options.keep_best)); ++i)
    kept.insert(measured[i]->name);
  std::vector<std::string> names;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!kept.contains(entry->name)) names.push_back(entry->name);
  }
  return names;
}

}  // namespace dltonic::train
