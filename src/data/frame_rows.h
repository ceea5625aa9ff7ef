/// From recordings to the rows of the frames file: of each rank a neighbouring share, about equal in events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/framer.h"
#include "data/survey.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/bits.h"
#include "dltonic/core/progress.h"
#include "dltonic/events/source.h"
#include "dltonic/store/event_file.h"

namespace dltonic::data {

/// This rank's rows of the frames file.
struct FrameRows {
  BitMatrix bits;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> recording;  ///< of all ranks' recordings, in their order
};

/// Frames of this rank's share of an events file. `framers`: one a thread. Throws DataError (of this rank alone: to be called
/// within World::agree); ends early where a stop is wished.
void frames_from_events(const comm::World& world, const store::EventFileReader& reader, std::vector<Framer>& framers,
                        FrameRows& rows, Progress& progress, comm::Phase& phase);

/// The same straight from the source, with no events file between.
struct FromSource {
  std::vector<store::RecordingInfo> table;  ///< of all good recordings
  std::vector<std::string> damaged;         ///< "name: reason"
  std::uint64_t damaged_recordings = 0, events = 0;
  events::ReadNotes notes;
};
/// Throws DataError where a recording is damaged and damaged ones are not to be skipped, agreed. collective
FromSource frames_from_source(comm::World& world, const events::RecordingSource& source, bool skip_damaged,
                              std::vector<Framer>& framers, FrameRows& rows, Progress& progress, comm::Phase& phase);

}  // namespace dltonic::data
