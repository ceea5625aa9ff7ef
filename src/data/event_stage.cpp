#include "data/event_stage.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "data/deal.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"

namespace dltonic::data {
namespace {

constexpr std::int64_t kNotInTable = -1;

/// [item] its row in the writer's table, or that it was left out as damaged.
std::vector<std::int64_t> rows_of(const events::RecordingSource& source, const store::EventFileWriter& writer) {
  std::unordered_map<std::string, std::int64_t> row_of;
  const auto& table = writer.recordings();
  for (std::size_t row = 0; row < table.size(); ++row) row_of[table[row].source] = static_cast<std::int64_t>(row);
  std::vector<std::int64_t> rows;
  for (const events::SourceItem& item : source.items()) {
    const auto found = row_of.find(item.name);
    rows.push_back(found == row_of.end() ? kNotInTable : found->second);
  }
  return rows;
}

}  // namespace

void write_events(comm::World& world, const events::RecordingSource& source, store::EventFileWriter& writer, Progress& progress,
                  comm::Phase& phase) {
  const auto rows = rows_of(source, writer);
  std::vector<std::uint64_t> bytes;
  std::vector<std::uint8_t> missing;
  std::uint64_t total = 0;
  for (const events::SourceUnit& unit : source.units()) {
    bytes.push_back(unit.bytes);
    std::uint8_t any = 0;
    for (std::size_t item = unit.first; item < unit.first + unit.count; ++item) {
      if (rows[item] != kNotInTable && !writer.was_written(static_cast<std::size_t>(rows[item]))) any = 1;
    }
    missing.push_back(any);
    total += any;
  }
  const auto runs = deal(runs_of(bytes, bytes_in_run(bytes, world.size()), missing), world.rank(), world.size());
  world.agree("decode", [&] {
    std::vector<events::RecordingSource::Scratch> scratch(static_cast<std::size_t>(omp_get_max_threads()));
    ByteGate gate(kBytesAtOnce);
    std::atomic<std::uint64_t> done{0};
    progress.begin("decode", total, source.units().size() == source.size() ? "recordings" : "files");
    for_each_run(
        runs,
        [&](int thread, const Run& run) {
          for (std::size_t unit = run.first; unit < run.first + run.count; ++unit) {
            const ByteGate::Pass pass(gate, bytes[unit]);
            source.read_unit(
                unit, scratch[static_cast<std::size_t>(thread)], [&](std::size_t item, const events::Recording& recording) {
                  if (rows[item] == kNotInTable)
                    throw DataError(
                        cat(recording.source, " was damaged when it was looked at, and is not now: run prepare again"));
                  const auto row = static_cast<std::size_t>(rows[item]);
                  if (!writer.was_written(row)) writer.write(row, recording.events);
                });
            fail_at(fault::kDecode, static_cast<std::int64_t>(++done));
          }
        },
        [&] {
          phase.alive();
          progress.advance(std::min<std::uint64_t>(done * static_cast<std::uint64_t>(world.size()), total));
        },
        [] { return stop::wished(); });
    progress.end();
  });
  stop_where_wished(world, "what is decoded stays", [&] { writer.leave(); });
  writer.finish();
}

}  // namespace dltonic::data
