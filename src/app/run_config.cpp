#include "app/run_config.h"

#include "dltonic/core/file.h"

namespace dltonic::app {

RunConfig::RunConfig() {
  data.bind(root_.section("data", "recordings or images, frames, splits, augmentation"));
  model.bind(root_.section("model", "what is trained"));
  train.bind(root_.section("train", "how it is trained"));
  distributed.bind(root_.section("distributed", "how ranks add up their gradients"));
  checkpoint.bind(root_.section("checkpoint", "when checkpoints are made, and which are kept"));
  comm.bind(root_.section("comm", "communication between ranks"));
  report.bind(root_.section("report", "what is told, and where"));
  storage.bind(root_.section("storage", "what is copied to project storage"));
  config::Section& s = root_.section("run", "the run's own folder");
  s.key("name", run.name, "names the run's folder; default: <data.name>_<model.kind>");
  s.key("dir", run.dir, "the run's folder; default: $SCRATCH_STORAGE_DIR/runs/<run.name>");
}

void RunConfig::read(const std::vector<std::string>& arguments) {
  config::Loader loader(root_, DLTONIC_DEFAULT_CONFIGS);
  loader.load(arguments);
  if (run.name.empty()) run.name = data.name + "_" + model.kind;
}

void RunConfig::load(comm::World& world, const std::vector<std::string>& arguments) {
  world.agree("read the configuration", [&] {
    read(arguments);
    dirs_ = config::storage_dirs();
    if (run.dir.empty()) run.dir = (dirs_.scratch / "runs" / run.name).string();
  });
}

}  // namespace dltonic::app
