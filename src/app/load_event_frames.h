/// The events of a run whose configuration augments recordings.
#pragma once

#include <memory>
#include <string>

#include "app/run_setup.h"
#include "dltonic/data/event_frames.h"
#include "dltonic/store/lock.h"

namespace dltonic::app {

struct LoadedEvents {
  std::shared_ptr<const store::Lease> lease;  ///< keeps the staged file on scratch
  std::unique_ptr<data::EventFrames> cut;     ///< null: nothing is augmented before frames are cut
};

/// Finds and stages the events file where data.augmentation.events asks for it. DataError that tells what to run where it is
/// not prepared; `typed` are the arguments for that. collective
LoadedEvents load_event_frames(comm::World& world, const RunConfig& config, const LoadedData& data, const std::string& typed);

}  // namespace dltonic::app
