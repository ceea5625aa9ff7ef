#include "dltonic/data/statistics.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "data/deal.h"
#include "data/fit_frames.h"
#include "data/framer.h"
#include "data/survey.h"
#include "data/unpack_archives.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"

namespace dltonic::data {
namespace {

constexpr int kCells = 64;                    ///< of a class's map, a side
constexpr std::size_t kLongest_ms = 1 << 17;  ///< later events count as this late: two minutes
constexpr double kPhaseLimit_s = 6 * 3600;

HeatMap make_map(int width, int height, int cell) {
  HeatMap map;
  map.cell = cell;
  map.width = (width + cell - 1) / cell;
  map.height = (height + cell - 1) / cell;
  for (auto& polarity : map.events) polarity.resize(static_cast<std::size_t>(map.width) * static_cast<std::size_t>(map.height));
  return map;
}

void add(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& more) {
  to.resize(std::max(to.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) to[i] += more[i];
}

/// f(vector) for every vector of sums, in one order on every rank.
template <class F>
void each_sum(std::vector<SplitStatistics>& splits, F f) {
  for (SplitStatistics& split : splits) {
    for (ClassStatistics& one : split.classes) {
      f(one.events_by_ms);
      for (auto& polarity : one.map.events) f(polarity);
    }
    for (auto& polarity : split.map.events) f(polarity);
    f(split.channel_bits);
  }
}

std::array<std::uint64_t, 2> content_of(const events::Events& events) {
  Sha256 hash;
  const auto update = [&](const auto& values) { hash.update(std::as_bytes(std::span(values))); };
  update(events.x), update(events.y), update(events.t), update(events.p);
  const std::string hex = hash.hex();
  return {std::stoull(hex.substr(0, 16), nullptr, 16), std::stoull(hex.substr(16, 16), nullptr, 16)};
}

/// What one thread has counted.
class Collector {
 public:
  Collector(const Options& options, const events::FrameOptions& frames, const DataStatistics& empty)
      : framer_(options.filters, frames, {empty.width, empty.height}),
        splits_(empty.splits),
        channels_(static_cast<std::size_t>(empty.frame.channels)),
        depth_(static_cast<unsigned>(frames.depth())) {}

  /// Filters the recording in place, after it has been counted.
  void add(std::uint32_t item, std::uint16_t split, events::Recording& recording) {
    const events::Events& events = recording.events;
    RecordingStatistics one;
    one.item = item;
    one.label = recording.label;
    one.split = split;
    one.duration_us = events.empty() ? 0 : events.t.back() - events.t.front();
    one.events = events.size();
    one.content = content_of(events);
    SplitStatistics& of_split = splits_[split];
    ClassStatistics& of_class = of_split.classes[recording.label];
    const std::size_t last_ms = std::min<std::size_t>(one.duration_us / 1000, kLongest_ms - 1);
    if (!events.empty() && of_class.events_by_ms.size() <= last_ms) of_class.events_by_ms.resize(last_ms + 1);
    const auto width = static_cast<std::size_t>(of_split.map.width), cells = static_cast<std::size_t>(of_class.map.width);
    const auto cell = static_cast<std::size_t>(of_class.map.cell);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const std::size_t on = events.p[i] != 0 ? 1 : 0, x = events.x[i], y = events.y[i];
      one.on += on;
      ++of_class.events_by_ms[std::min<std::size_t>((events.t[i] - events.t.front()) / 1000, last_ms)];
      ++of_split.map.events[on][y * width + x];
      ++of_class.map.events[on][y / cell * cells + x / cell];
    }
    count_bits(recording, of_split, one);
    recordings_.push_back(one);
  }

  std::vector<RecordingStatistics>& recordings() { return recordings_; }
  std::vector<SplitStatistics>& splits() { return splits_; }
  void merge(Collector& other) {
    recordings_.insert(recordings_.end(), other.recordings_.begin(), other.recordings_.end());
    std::vector<std::vector<std::int64_t>*> theirs;
    each_sum(other.splits_, [&](auto& sum) { theirs.push_back(&sum); });
    std::size_t next = 0;
    each_sum(splits_, [&](auto& sum) { data::add(sum, *theirs[next++]); });
  }

 private:
  void count_bits(events::Recording& recording, SplitStatistics& split, RecordingStatistics& one) {
    if (framer_.filtered) framer_.filters.apply(recording.events);
    rows_.reset(0, framer_.maker.row_bits());
    one.samples = static_cast<std::uint32_t>(
        with_context(recording.source, [&] { return framer_.maker.append_rows(recording.events, rows_); }));
    const std::size_t plane = framer_.maker.features() / channels_;
    for (std::size_t row = 0; row < rows_.rows(); ++row) {
      each_set(rows_.row(row), depth_, [&](std::size_t feature) {
        ++split.channel_bits[feature / plane];
        ++one.bits;
      });
    }
  }

  Framer framer_;
  std::vector<SplitStatistics> splits_;
  std::size_t channels_;
  unsigned depth_;
  BitMatrix rows_;
  std::vector<RecordingStatistics> recordings_;
};

/// All ranks' collectors become one, on every rank.
void merge_ranks(comm::World& world, Collector& collector, DataStatistics& out) {
  each_sum(collector.splits(), [&](std::vector<std::int64_t>& sum) {
    sum.resize(static_cast<std::size_t>(world.max(static_cast<double>(sum.size()))));
    world.sum(std::span(sum));
  });
  out.splits = std::move(collector.splits());
  const auto bytes = world.gather_bytes(std::as_bytes(std::span(collector.recordings())));
  out.recordings.resize(bytes.size() / sizeof(RecordingStatistics));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(out.recordings.data()));
  std::sort(out.recordings.begin(), out.recordings.end(), [](const auto& a, const auto& b) { return a.item < b.item; });
}

FitRecordings recordings_of(const events::RecordingSource& source) {
  FitRecordings out;
  out.sensor = {source.width(), source.height()};
  for (const auto& item : source.items()) out.add(item.label, item.split, item.subject, item.name);
  out.read = [&source](std::size_t first, std::size_t count) {
    std::vector<events::Recording> block(count);
    for (std::size_t i = 0; i < count; ++i) source.read(first + i, block[i]);
    return block;
  };
  return out;
}

/// [item] index of its split.
std::vector<std::uint16_t> split_of_items(const Splits& splits, std::size_t items, const std::vector<SplitStatistics>& names) {
  std::vector<std::uint16_t> of_item(items);
  for (std::uint16_t s = 0; s < names.size(); ++s) {
    for (const std::uint32_t item : splits.by_name(names[s].name)) of_item[item] = s;
  }
  return of_item;
}

/// Counts this rank's part of the source, [thread] each in a collector of its own. Damaged units are described in `skipped`
/// where `skip_damaged`.
void count_units(const events::RecordingSource& source, const std::vector<Run>& mine,
                 const std::vector<std::uint16_t>& split_of, bool skip_damaged,
                 std::vector<std::unique_ptr<Collector>>& collectors, std::vector<std::string>& skipped, comm::Phase& phase,
                 Progress& progress) {
  std::vector<events::RecordingSource::Scratch> scratch(collectors.size());
  std::uint64_t units = 0;
  for (const Run& run : mine) units += run.count;
  std::atomic<std::uint64_t> done{0};
  std::mutex skipping;
  progress.begin("count", units, "files");
  const auto count_run = [&](int thread, const Run& run) {
    const auto t = static_cast<std::size_t>(thread);
    for (std::size_t unit = run.first; unit < run.first + run.count; ++unit) {
      try {
        source.read_unit(unit, scratch[t], [&](std::size_t item, events::Recording& recording) {
          collectors[t]->add(static_cast<std::uint32_t>(item), split_of[item], recording);
        });
      } catch (const DataError& fault) {
        if (!skip_damaged) throw;
        const std::lock_guard lock(skipping);
        skipped.emplace_back(fault.what());
      }
      fail_at(fault::kSurvey, static_cast<std::int64_t>(++done));
    }
  };
  for_each_run(
      mine, count_run,
      [&] {
        phase.alive();
        progress.advance(done);
      },
      stop::wished);
  progress.end();
}

}  // namespace

std::vector<std::vector<std::size_t>> DataStatistics::duplicates() const {
  std::map<std::array<std::uint64_t, 2>, std::vector<std::size_t>> by_content;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    if (recordings[i].events >= 2) by_content[recordings[i].content].push_back(i);
  }
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [content, group] : by_content) {
    if (group.size() > 1) groups.push_back(std::move(group));
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

DataStatistics collect_statistics(comm::World& world, const Options& options, const std::filesystem::path& project,
                                  Progress& progress) {
  auto phase = world.phase("count", kPhaseLimit_s);
  std::unique_ptr<events::RecordingSource> source;
  DataStatistics out;
  world.agree("look at data.kind", [&] {
    if (options.kind != "recordings") throw ConfigError(cat("data.kind is ", options.kind, ": statistics are of recordings"));
  });
  const events::SourceOptions unpacked = unpack_archives(world, options, project, progress, phase);
  world.agree("list recordings", [&] {
    source = events::make_source(unpacked);
    out.name = options.name;
    out.source = source->describe();
    out.classes = source->classes();
    out.width = source->width();
    out.height = source->height();
    for (const auto& item : source->items()) out.names.push_back(item.name);
  });
  events::FrameOptions frames = options.frames;
  const FitRecordings recordings = recordings_of(*source);
  if (!frames.fitted_quantiles().empty()) frames = fit_frames(world, options, recordings, progress);
  std::vector<std::string> skipped;
  std::vector<std::unique_ptr<Collector>> collectors;
  world.agree("count events", [&] {
    const Framer framer(options.filters, frames, {out.width, out.height});
    out.frame = {framer.maker.channels(), framer.maker.height(), framer.maker.width(), frames.depth()};
    const int cell = (std::max(out.width, out.height) + kCells - 1) / kCells;
    for (const char* name : {"train", "val", "test"}) {
      SplitStatistics split;
      split.name = name;
      split.classes.assign(out.classes.size(), {{}, make_map(out.width, out.height, cell)});
      split.map = make_map(out.width, out.height, 1);
      split.channel_bits.resize(static_cast<std::size_t>(out.frame.channels));
      out.splits.push_back(std::move(split));
    }
    const auto split_of = split_of_items(recordings.splits(options.splits), source->size(), out.splits);
    for (int t = 0; t < omp_get_max_threads(); ++t) collectors.push_back(std::make_unique<Collector>(options, frames, out));
    std::vector<std::uint64_t> bytes;
    for (const auto& unit : source->units()) bytes.push_back(unit.bytes);
    count_units(*source, deal(runs_of(bytes, bytes_in_run(bytes, world.size())), world.rank(), world.size()), split_of,
                options.on_error == "skip", collectors, skipped, phase, progress);
    for (std::size_t t = 1; t < collectors.size(); ++t) collectors[0]->merge(*collectors[t]);
  });
  stop_where_wished(world, "nothing is written");
  merge_ranks(world, *collectors[0], out);
  for (const std::string& lines : world.gather(join(skipped, "\n"))) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) out.skipped.push_back(line);
  }
  std::sort(out.skipped.begin(), out.skipped.end());
  return out;
}

}  // namespace dltonic::data
