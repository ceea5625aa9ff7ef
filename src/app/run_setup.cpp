#include "app/run_setup.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dltonic/config/effective.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/data/cache.h"
#include "dltonic/report/progress.h"
#include "dltonic/store/staging.h"

namespace dltonic::app {

void share_cores(const comm::World& world) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
  omp_set_num_threads(std::max(1, omp_get_num_procs() / world.local_size()));
}

std::unique_ptr<Progress> root_progress(const comm::World& world, const RunConfig& config) {
  if (!world.is_root()) return std::make_unique<Progress>();
  return report::make_progress(config.report.progress);
}

int print_config_help(const comm::World& world, const RunConfig& config) {
  if (world.is_root()) std::cout << config::help(config.root());
  return kExitDone;
}

LoadedData load_data(comm::World& world, const RunConfig& config, const std::string& typed, Progress& progress) {
  data::PreparedFile prepared;
  world.agree("find the prepared frames", [&] {
    prepared = data::find_prepared(config.data, config.dirs().project);
    if (!std::filesystem::exists(prepared.frames)) {
      throw DataError(cat("the frames of this configuration are not prepared (", prepared.frames.string(),
                          " is missing): run  dltonic prepare ", typed));
    }
  });
  const auto staged = config.dirs().scratch / "data" / prepared.frames.filename();
  LoadedData loaded;
  loaded.lease = store::stage_file(world, prepared.frames, staged).lease;
  loaded.frames = data::FrameSet::load(world, staged, prepared.settings, progress);
  world.agree("split recordings", [&] {
    loaded.splits = data::make_splits(loaded.frames.recording_labels, loaded.frames.recording_splits, config.data.splits,
                                      loaded.frames.names());
  });
  const auto& s = loaded.splits;
  log::info(cat(config.data.name, ": ", with_commas(loaded.frames.size()), " frames of ", loaded.frames.shape.channels, " x ",
                loaded.frames.shape.height, " x ", loaded.frames.shape.width,
                loaded.frames.shape.depth == 1 ? " bits from " : " half floats from ", with_commas(loaded.frames.recordings()),
                " recordings, ", loaded.frames.classes.size(), " classes; ", with_commas(s.train.size()), " train, ",
                with_commas(s.val.size()), " validate, ", with_commas(s.test.size()), " test"));
  return loaded;
}

std::unique_ptr<model::Model> make_model(comm::World& world, const RunConfig& config, const LoadedData& data) {
  const data::FrameSet& frames = data.frames;
  std::vector<std::uint64_t> samples_of_class(frames.classes.size());
  for (const std::uint32_t sample : frames.samples_of(data.splits.train)) ++samples_of_class[frames.labels[sample]];
  std::unique_ptr<model::Model> model;
  world.agree("make the model", [&] {
    model = model::make_model(config.model, frames.shape, static_cast<int>(frames.classes.size()), config.train.seed,
                              config.train.optimizer, config.train.loss(samples_of_class));
  });
  return model;
}

std::unique_ptr<train::Engine> make_engine(comm::World& world, const RunConfig& config, model::Model& model,
                                           const data::FrameSet& frames, std::size_t training_samples,
                                           const data::EventFrames* event_frames) {
  return train::make_engine(world, model, frames,
                            {.train = config.train,
                             .distributed = config.distributed,
                             .augmentation = config.data.augmentation,
                             .event_frames = event_frames,
                             .residency = config.data.residency,
                             .timeout_s = config.comm.timeout_s,
                             .training_samples = training_samples});
}

train::FitFacts fit_facts(const RunConfig& config, const LoadedData& data, model::Model& model) {
  using nlohmann::json;
  const auto& shape = data.frames.shape;
  const auto& t = config.train;
  train::FitFacts facts{
      {"model", json::parse(config::effective_json(config.root()))["model"].dump()},
      {"input",
       json{{"channels", shape.channels}, {"height", shape.height}, {"width", shape.width}, {"depth", shape.depth}}.dump()},
      {"classes", json(data.frames.classes).dump()},
      {"data", json(data.frames.key).dump()},
      {"splits", json(data.splits.hash()).dump()},
      {"train", json{{"seed", t.seed}, {"batch_size", t.batch_size}, {"optimizer", t.optimizer.kind}}.dump()}};
  if (const std::string wiring = train::wiring_hash(model.state()); !wiring.empty())
    facts.emplace_back("wiring", json(wiring).dump());
  if (const int shards = config.distributed.shards(t.batch_size); shards > 0)
    facts.emplace_back("distributed", json{{"canonical_shards", shards}}.dump());
  return facts;
}

}  // namespace dltonic::app
