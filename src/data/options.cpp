#include "dltonic/data/options.h"

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
  s.key("val_split", splits.val_split, "share of the training recordings that validates").min(0).below(1);
  s.key("test_split", splits.test_split, "share that tests, of recordings without a published split").min(0).below(1);
  s.key("split_seed", splits.split_seed, "seed of the splits, apart from train.seed");
  s.key("residency", residency,
        "where frames lie while a GPU trains. replicate: all in its memory; shard: each rank's share of the running epoch, "
        "exchanged between GPUs when the next one begins; "
        "stream: in host memory, each batch uploaded one step ahead; auto: the first of these that fits, said in the log")
      .choices({"auto", "replicate", "shard", "stream"});
  filters.bind(s.section("filters", "what is done to events before frames are cut"));
  frames.bind(s.section("frames", "how recordings become bit frames"));
  augmentation.bind(s.section("augmentation", "random changes of training frames, keyed by (seed, epoch, sample)"));
}

}  // namespace dltonic::data
