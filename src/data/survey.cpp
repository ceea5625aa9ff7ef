#include "data/survey.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <numeric>
#include <sstream>

#include "data/deal.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"

namespace dltonic::data {
namespace {

/// What one rank tells the others of a unit.
struct Hashed {
  std::uint64_t unit;
  char sha256[64];
};

template <class T>
std::vector<T> gather(comm::World& world, const std::vector<T>& mine) {
  const auto bytes = world.gather_bytes(std::as_bytes(std::span(mine)));
  std::vector<T> all(bytes.size() / sizeof(T));
  std::memcpy(all.data(), bytes.data(), all.size() * sizeof(T));
  return all;
}

/// What the threads of this rank have found.
struct Found {
  std::vector<SeenRecording> seen;
  std::vector<Hashed> hashed;
  std::map<std::size_t, std::string> damaged;  ///< [unit]
  events::ReadNotes notes;
};

void look_at(const events::RecordingSource& source, std::size_t unit, events::RecordingSource::Scratch& scratch, Found& found) {
  std::string sha256;
  std::vector<SeenRecording> recordings;
  try {
    found.notes.add(source.read_unit(
        unit, scratch,
        [&](std::size_t item, const events::Recording& recording) { recordings.push_back(seen(item, recording)); },
        source.fingerprint_is_content() ? nullptr : &sha256));
    found.seen.insert(found.seen.end(), recordings.begin(), recordings.end());
  } catch (const DataError& error) {
    found.damaged[unit] = error.what();
  }
  Hashed hashed{unit, {}};
  std::memcpy(hashed.sha256, sha256.data(), std::min(sha256.size(), sizeof hashed.sha256));
  found.hashed.push_back(hashed);
}

}  // namespace

std::uint64_t bytes_in_run(std::span<const std::uint64_t> bytes, int world) {
  constexpr std::uint64_t kMost = std::uint64_t{4} << 20, kRunsOfRank = 64;
  const std::uint64_t total = std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
  return std::clamp<std::uint64_t>(total / (static_cast<std::uint64_t>(world) * kRunsOfRank), 1, kMost);
}

SeenRecording seen(std::size_t item, const events::Recording& recording) {
  return {item, recording.events.size(), recording.t_offset, recording.duration, recording.width, recording.height};
}

std::vector<store::RecordingInfo> table_of(comm::World& world, const events::RecordingSource& source,
                                           const std::vector<SeenRecording>& mine) {
  auto all = gather(world, mine);
  std::sort(all.begin(), all.end(), [](const SeenRecording& a, const SeenRecording& b) { return a.item < b.item; });
  std::vector<store::RecordingInfo> table;
  table.reserve(all.size());
  for (const SeenRecording& one : all) {
    const events::SourceItem& item = source.item(one.item);
    table.push_back(
        {0, one.events, item.label, one.width, one.height, one.t_offset, one.duration, item.split, item.subject, item.name});
  }
  return table;
}

Survey survey(comm::World& world, const events::RecordingSource& source, Progress& progress, comm::Phase& phase) {
  std::vector<std::uint64_t> bytes;
  for (const events::SourceUnit& unit : source.units()) bytes.push_back(unit.bytes);
  const auto runs = deal(runs_of(bytes, bytes_in_run(bytes, world.size())), world.rank(), world.size());
  std::vector<Found> found(static_cast<std::size_t>(omp_get_max_threads()));
  world.agree("read recordings", [&] {
    std::vector<events::RecordingSource::Scratch> scratch(found.size());
    ByteGate gate(kBytesAtOnce);
    std::atomic<std::uint64_t> done{0};
    progress.begin("look at recordings", source.units().size(),
                   source.units().size() == source.size() ? "recordings" : "files");
    for_each_run(
        runs,
        [&](int thread, const Run& run) {
          const auto t = static_cast<std::size_t>(thread);
          for (std::size_t unit = run.first; unit < run.first + run.count; ++unit) {
            const ByteGate::Pass pass(gate, bytes[unit]);
            look_at(source, unit, scratch[t], found[t]);
            fail_at(fault::kSurvey, static_cast<std::int64_t>(++done));
          }
        },
        [&] {
          phase.alive();
          progress.advance(std::min<std::uint64_t>(done * static_cast<std::uint64_t>(world.size()), bytes.size()));
        },
        [] { return stop::wished(); });
    progress.end();
  });
  stop_where_wished(world, "nothing was written yet");

  Found all;
  std::string lines;
  for (const Found& part : found) {
    all.seen.insert(all.seen.end(), part.seen.begin(), part.seen.end());
    all.hashed.insert(all.hashed.end(), part.hashed.begin(), part.hashed.end());
    all.notes.add(part.notes);
    for (const auto& [unit, why] : part.damaged) {
      std::string line = why;
      std::replace(line.begin(), line.end(), '\n', ' ');
      lines += cat(unit, ' ', line, '\n');
    }
  }
  Survey result;
  std::map<std::size_t, std::string> damaged;
  for (const std::string& text : world.gather(lines)) {
    std::istringstream in(text);
    std::size_t unit = 0;
    for (std::string line; in >> unit && in.get() && std::getline(in, line);) damaged[unit] = line;
  }
  for (const auto& [unit, why] : damaged) {
    result.damaged.push_back(why);
    result.damaged_recordings += source.units()[unit].count;
  }
  std::vector<std::string> hashes(source.units().size());
  for (const Hashed& unit : gather(world, all.hashed)) hashes[unit.unit] = std::string(unit.sha256, sizeof unit.sha256);
  result.content_hash = source.content_hash(hashes);
  result.table = table_of(world, source, all.seen);
  for (const auto& row : result.table) result.events += row.events;
  result.notes = sum_notes(world, all.notes);
  return result;
}

void fail_where_damaged(comm::World& world, const Survey& survey) {
  world.agree("look at recordings", [&] {
    if (survey.damaged.empty()) return;
    const std::size_t more = survey.damaged.size() - 1;
    throw DataError(
        cat(survey.damaged.front(),
            more == 0 ? "" : cat("; ", with_commas(more), more == 1 ? " more file is" : " more files are", " damaged"),
            more == 0 ? "" : " (data.on_error=skip leaves them out and lists them)"));
  });
}

void stop_where_wished(comm::World& world, const std::string& what_is_kept, const std::function<void()>& before) {
  std::string reason;  // of the first rank that has one
  for (const std::string& one : world.gather(stop::wished() ? stop::reason() : "")) reason = reason.empty() ? one : reason;
  if (reason.empty()) return;
  if (before) before();
  world.agree(stop::command(),
              [&] { throw StopError(cat(stop::command(), " was stopped by ", reason, ": ", what_is_kept, "; run it again")); });
}

events::ReadNotes sum_notes(comm::World& world, const events::ReadNotes& mine) {
  return {world.offset(mine.sorted).total, world.offset(mine.outside_events).total, world.offset(mine.invalid_events).total};
}

void tell_notes(const events::ReadNotes& notes) {
  if (notes.sorted > 0)
    log::warn_once(cat("in ", with_commas(notes.sorted),
                       " recordings time ran backwards; their events were sorted (data.unsorted is sort)"));
  if (notes.outside_events > 0)
    log::info(cat(with_commas(notes.outside_events), " events lay outside the canvas of centred recordings and were cut off"));
  if (notes.invalid_events > 0)
    log::info(cat(with_commas(notes.invalid_events), " events that their camera marks as invalid were kept"));
}

}  // namespace dltonic::data
