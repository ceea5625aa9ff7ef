#include "dltonic/data/options.h"

#include "dltonic/data/event_frames.h"

namespace dltonic::data {

void Options::bind(config::Section& s) {
  s.key("name", name, "name of the data set; prepared files begin with it").required();
  s.key("kind", kind, "recordings: events become frames; images: pixels become bits").choices({"recordings", "images"});
  source.bind(s);
  s.key("on_error", on_error, "a damaged recording ends prepare, or is skipped, counted and listed").choices({"fail", "skip"});
  s.key("store_events", store_events, "prepare also writes the events file (HDF5); turn off for simulated recordings");
  s.key("thresholds", thresholds, "images: one bit a threshold, set where the pixel is at least that share of white")
      .min(0)
      .max(1);
  s.key("crop", crop, "images: border that is cut off on each side").unit("pixels").min(0);
  splits.bind(s);
  s.key("residency", residency,
        "where frames lie while a GPU trains. replicate: all in its memory; shard: each rank's share of the running epoch, "
        "exchanged between GPUs when the next one begins; "
        "stream: in host memory, each batch uploaded one step ahead; auto: the first of these that fits, said in the log")
      .choices({"auto", "replicate", "shard", "stream"});
  s.key("framing", framing,
        "where a GPU's frames are cut from augmented events. gpu: events lie in its memory and are augmented there; host: the "
        "host's threads cut them; auto: gpu where it has room, said in the log")
      .choices({"auto", "gpu", "host"});
  filters.bind(s.section("filters", "what is done to events before frames are cut"));
  frames.bind(s.section("frames", "how recordings become frames"));
  s.check("frames.quantiles", [this]() -> std::string {
    if (kind != "recordings" || on_error != "skip" || store_events || frames.fitted_quantiles().empty()) return {};
    return "thresholds that are fitted, on_error skip and store_events false do not go together: what is skipped must be known "
           "before; set data.store_events to true";
  });
  s.check("frames.dtype", [this]() -> std::string {
    if (!frames.numbers()) return {};
    if (kind != "recordings") return "float16 is for recordings; the pixels of images become bits";
    return augmentation.fault_of_numbers();
  });
  auto& augmented = s.section("augmentation", "random changes of training frames, keyed by (seed, epoch, sample)");
  augmentation.bind(augmented);
  event_augmentation.bind(augmented.section(
      "events", "random changes of training recordings before frames are cut from them, keyed by (seed, epoch, recording)"));
  for (const char* key : {"kind", "store_events", "frames.mode"})
    s.check(key, [this, key] { return event_augmentation_fault(*this, key); });
}

}  // namespace dltonic::data
