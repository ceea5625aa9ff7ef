#include "data/frame_rows.h"

#include <algorithm>
#include <functional>
#include <sstream>
#include <utility>

#include "data/deal.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"

namespace dltonic::data {
namespace {

/// What all threads read between two looks at the clock, in bytes of events or of raw files.
constexpr std::uint64_t kBlockBytes = std::uint64_t{64} << 20;
/// What a recording costs beside its events.
constexpr std::uint64_t kBytesARecording = 4096;

/// What one thread made of its part of a block.
struct Part {
  BitMatrix bits;
  std::vector<std::uint16_t> labels;                         ///< [recording]
  std::vector<std::uint32_t> frames;                         ///< [recording]
  std::vector<SeenRecording> seen;                           ///< [recording], only where the source is read
  std::vector<std::pair<std::size_t, std::string>> damaged;  ///< unit, why
  events::ReadNotes notes;
};

void add(Framer& framer, events::Recording& recording, Part& part) {
  if (framer.filtered) framer.filters.apply(recording.events);
  part.frames.push_back(static_cast<std::uint32_t>(
      with_context(recording.source, [&] { return framer.maker.append_rows(recording.events, part.bits); })));
  part.labels.push_back(recording.label);
}

/// Goes over [first, first + count) of things of these weights, block by block; within a block every thread takes a
/// neighbouring share: work(thread, thing). merge(thread) follows in the threads' order, after each block.
void in_blocks(std::span<const std::uint64_t> weights, std::size_t first, int threads,
               const std::function<void(int, std::size_t)>& work, const std::function<void(int)>& merge,
               const std::function<void(std::size_t)>& between) {
  std::size_t done = 0;
  for (const Run& block : runs_of(weights, kBlockBytes)) {
    ThreadError error;
    const auto block_weights = weights.subspan(block.first, block.count);
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int t = 0; t < threads; ++t) {
      const Run share = share_by_weight(block_weights, t, threads);
      error.keep(static_cast<std::size_t>(t), [&] {
        for (std::size_t i = 0; i < share.count; ++i) {
          work(t, first + block.first + share.first + i);
          fail_at(fault::kCut);
        }
      });
    }
    error.rethrow();
    for (int t = 0; t < threads; ++t) merge(t);
    done += block.count;
    between(done);
    if (stop::wished()) return;
  }
}

/// Appends a thread's part to the rows and empties it; `id`: number of its first recording. Returns the recordings.
std::uint32_t merge_part(Part& part, std::uint32_t id, FrameRows& rows) {
  const std::size_t row = rows.bits.rows();
  rows.bits.add_rows(part.bits.rows());
  std::copy(part.bits.words().begin(), part.bits.words().end(),
            rows.bits.words().begin() + static_cast<std::ptrdiff_t>(row * rows.bits.row_words()));
  for (std::size_t i = 0; i < part.labels.size(); ++i) {
    rows.labels.insert(rows.labels.end(), part.frames[i], part.labels[i]);
    rows.recording.insert(rows.recording.end(), part.frames[i], id + static_cast<std::uint32_t>(i));
  }
  const auto recordings = static_cast<std::uint32_t>(part.labels.size());
  part.bits.reset(0, part.bits.bits());
  part.labels.clear();
  part.frames.clear();
  return recordings;
}

}  // namespace

void frames_from_events(const comm::World& world, const store::EventFileReader& reader, std::vector<Framer>& framers,
                        FrameRows& rows, Progress& progress, comm::Phase& phase) {
  std::vector<std::uint64_t> weights;
  for (const auto& row : reader.recordings()) weights.push_back(row.events * 9 + kBytesARecording);
  const Run share = share_by_weight(weights, world.rank(), world.size());
  std::vector<Part> parts(framers.size());
  std::vector<events::Recording> recordings(framers.size());
  auto id = static_cast<std::uint32_t>(share.first);
  progress.begin("cut frames", share.count, "recordings");
  in_blocks(
      std::span(weights).subspan(share.first, share.count), share.first, static_cast<int>(framers.size()),
      [&](int t, std::size_t i) {
        const auto at = static_cast<std::size_t>(t);
        reader.read(i, recordings[at]);
        add(framers[at], recordings[at], parts[at]);
      },
      [&](int t) { id += merge_part(parts[static_cast<std::size_t>(t)], id, rows); },
      [&](std::size_t done) {
        phase.alive();
        progress.advance(done);
      });
  progress.end();
}

FromSource frames_from_source(comm::World& world, const events::RecordingSource& source, bool skip_damaged,
                              std::vector<Framer>& framers, FrameRows& rows, Progress& progress, comm::Phase& phase) {
  std::vector<std::uint64_t> weights;
  for (const events::SourceUnit& unit : source.units()) weights.push_back(unit.bytes + kBytesARecording);
  const Run share = share_by_weight(weights, world.rank(), world.size());
  FromSource result;
  std::vector<std::pair<std::size_t, std::string>> damaged;
  std::vector<SeenRecording> all_seen;
  std::uint32_t id = 0;  // within this rank, until the others' counts are known
  world.agree("decode and cut frames", [&] {
    std::vector<Part> parts(framers.size());
    std::vector<events::RecordingSource::Scratch> scratch(framers.size());
    progress.begin("decode and cut frames", share.count, "recordings");
    in_blocks(
        std::span(weights).subspan(share.first, share.count), share.first, static_cast<int>(framers.size()),
        [&](int t, std::size_t unit) {
          const auto at = static_cast<std::size_t>(t);
          Part& part = parts[at];
          bool whole = false;  // a unit is damaged as a whole: nothing of it may be framed before all of it was read
          const auto frame = [&](std::size_t item, events::Recording& recording) {
            whole = true;
            part.seen.push_back(seen(item, recording));
            add(framers[at], recording, part);
          };
          try {
            if (skip_damaged && source.units()[unit].count > 1)
              source.read_unit(unit, scratch[at], [](std::size_t, events::Recording&) {});
            part.notes.add(source.read_unit(unit, scratch[at], frame));
          } catch (const DataError& error) {
            if (whole || !skip_damaged) throw;
            part.damaged.emplace_back(unit, error.what());
          }
        },
        [&](int t) {
          Part& part = parts[static_cast<std::size_t>(t)];
          all_seen.insert(all_seen.end(), part.seen.begin(), part.seen.end());
          part.seen.clear();
          for (auto& [unit, why] : part.damaged) {
            result.damaged_recordings += source.units()[unit].count;
            damaged.emplace_back(unit, std::move(why));
          }
          part.damaged.clear();
          result.notes.add(std::exchange(part.notes, {}));
          id += merge_part(part, id, rows);
        },
        [&](std::size_t done) {
          phase.alive();
          progress.advance(done);
        });
    progress.end();
  });
  stop_where_wished(world, "nothing was written yet");

  const auto before = static_cast<std::uint32_t>(world.offset(id).before);
  for (std::uint32_t& recording : rows.recording) recording += before;
  result.damaged_recordings = world.offset(result.damaged_recordings).total;
  result.notes = sum_notes(world, result.notes);
  std::string lines;
  for (auto& [unit, why] : damaged) {
    std::replace(why.begin(), why.end(), '\n', ' ');
    lines += why + "\n";
  }
  for (const std::string& text : world.gather(lines)) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) result.damaged.push_back(line);
  }
  result.table = table_of(world, source, all_seen);
  for (store::RecordingInfo& row : result.table) result.events += std::exchange(row.events, 0);
  return result;
}

}  // namespace dltonic::data
