/// A first look at all recordings of a source: every one is read and decoded once, by all ranks together, and what later work
/// must know beforehand is kept: how long each is, which are damaged, and a hash of all content.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/progress.h"
#include "dltonic/events/source.h"
#include "dltonic/store/recording_info.h"

namespace dltonic::data {

/// Raw bytes that a rank's threads hold at once, and what they decode to beside (one recording alone may be longer).
constexpr std::uint64_t kBytesAtOnce = std::uint64_t{192} << 20;
/// Bytes of files that a thread reads between two looks at the clock: small, so that the last ones do not keep others waiting.
std::uint64_t bytes_in_run(std::span<const std::uint64_t> bytes, int world);

/// What reading a recording tells of it.
struct SeenRecording {
  std::uint64_t item, events;
  std::int64_t t_offset;
  std::uint32_t duration;
  std::uint16_t width, height;
};
SeenRecording seen(std::size_t item, const events::Recording& recording);
/// The rows of all recordings that ranks have seen, in the source's order. collective
std::vector<store::RecordingInfo> table_of(comm::World& world, const events::RecordingSource& source,
                                           const std::vector<SeenRecording>& mine);

struct Survey {
  std::string content_hash;
  std::vector<store::RecordingInfo> table;  ///< of the good recordings, in the source's order, with their numbers of events
  std::vector<std::string> damaged;         ///< "name: reason"; units of several recordings once
  std::uint64_t damaged_recordings = 0;
  std::uint64_t events = 0;
  events::ReadNotes notes;
};

/// The same on every rank, whatever their number. Throws StopError, agreed, where a stop is wished. collective
Survey survey(comm::World& world, const events::RecordingSource& source, Progress& progress, comm::Phase& phase);

/// Throws DataError, agreed: the first of the damaged recordings, and how many more there are. collective
void fail_where_damaged(comm::World& world, const Survey& survey);

/// Throws StopError on all ranks where a stop is wished on one: the command that was stopped, by which signal, what is kept.
/// `before`: done by all ranks before that, collective. collective
void stop_where_wished(comm::World& world, const std::string& what_is_kept, const std::function<void()>& before = {});

/// What was done to recordings while they were read, for the log. collective
events::ReadNotes sum_notes(comm::World& world, const events::ReadNotes& mine);
void tell_notes(const events::ReadNotes& notes);

}  // namespace dltonic::data
