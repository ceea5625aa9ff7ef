/// From a source to the events file.
#pragma once

#include <filesystem>
#include <memory>

#include "data/survey.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/events/source.h"
#include "dltonic/store/event_file.h"

namespace dltonic::data {

/// Reads the recordings of the writer's table that are not written yet, each by one rank, the largest first, and finishes the
/// file. Throws DataError, agreed: a recording that has changed since it was looked at. StopError, agreed, where a stop is
/// wished: what is written stays. collective
void write_events(comm::World& world, const events::RecordingSource& source, store::EventFileWriter& writer, Progress& progress,
                  comm::Phase& phase);

}  // namespace dltonic::data
