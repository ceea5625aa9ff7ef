/// What train and evaluate share: the prepared frames, the splits and the model that a configuration describes.
#pragma once

#include <memory>

#include "app/run_config.h"
#include "dltonic/data/frame_set.h"
#include "dltonic/data/splits.h"
#include "dltonic/store/lock.h"
#include "dltonic/train/checkpoint_fit.h"
#include "dltonic/train/engine.h"

namespace dltonic::app {

struct LoadedData {
  std::shared_ptr<const store::Lease> lease;  ///< keeps the staged file on scratch
  data::FrameSet frames;
  data::Splits splits;
};

/// Finds, stages and loads the prepared frames, and splits them. DataError that tells what to run where they are not
/// prepared; `typed` are the arguments for that. collective
LoadedData load_data(comm::World& world, const RunConfig& config, const std::string& typed, Progress& progress);

/// collective (a fault is agreed)
std::unique_ptr<model::Model> make_model(comm::World& world, const RunConfig& config, const LoadedData& data);

/// What the configuration computes on. training_samples: of an epoch; 0: nothing is trained. event_frames: not null where
/// training rows are cut from events. collective
std::unique_ptr<train::Engine> make_engine(comm::World& world, const RunConfig& config, model::Model& model,
                                           const data::FrameSet& frames, std::size_t training_samples,
                                           const data::EventFrames* event_frames = nullptr);

/// What must be the same where a checkpoint is gone on from.
train::FitFacts fit_facts(const RunConfig& config, const LoadedData& data, model::Model& model);

/// Progress is drawn by rank 0 alone.
std::unique_ptr<Progress> root_progress(const comm::World& world, const RunConfig& config);

/// Lists every key of the configuration on standard output, by rank 0. Returns the exit code.
int print_config_help(const comm::World& world, const RunConfig& config);

/// Shares the host's cores out among its ranks where the user gave no OMP_NUM_THREADS.
void share_cores(const comm::World& world);

}  // namespace dltonic::app
