/// The whole configuration of a run: the sections that the modules own, under one root.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/config/loader.h"
#include "dltonic/config/section.h"
#include "dltonic/config/storage_dirs.h"
#include "dltonic/data/options.h"
#include "dltonic/model/model.h"
#include "dltonic/report/options.h"
#include "dltonic/store/mirror.h"
#include "dltonic/train/options.h"

namespace dltonic::app {

struct RunOptions {
  std::string name;  ///< default: <data.name>_<model.kind>
  std::string dir;   ///< default: <scratch>/runs/<name>
};

class RunConfig {
 public:
  RunConfig();
  RunConfig(const RunConfig&) = delete;
  RunConfig& operator=(const RunConfig&) = delete;

  /// [FILE] KEY=VALUE...: reads and checks, touches no folder. run.name gets its default, run.dir doesn't. Does not
  /// communicate.
  void read(const std::vector<std::string>& arguments);
  /// The same, with the storage folders and run.dir: every rank reads, faults are agreed and said once. collective
  void load(comm::World& world, const std::vector<std::string>& arguments);
  config::Section& root() { return root_; }
  const config::Section& root() const { return root_; }
  const config::StorageDirs& dirs() const { return dirs_; }
  std::filesystem::path run_dir() const { return run.dir; }

  data::Options data;
  model::Options model;
  train::Options train;
  train::DistributedOptions distributed;
  train::CheckpointOptions checkpoint;
  comm::Options comm;
  report::Options report;
  store::MirrorOptions storage;
  RunOptions run;

 private:
  config::Section root_;
  config::StorageDirs dirs_;
};

}  // namespace dltonic::app
