#include "data/fit_frames.h"

#include <omp.h>

#include "data/framer.h"
#include "data/survey.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/log.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"

namespace dltonic::data {
namespace {

/// Recordings that a rank holds at once: some 200 MB of gestures.
constexpr std::size_t kBlock = 64;

struct Counter {
  Framer framer;
  events::ValueHistogram values;
};

void count_values(std::vector<Counter>& counters, std::vector<events::Recording>& recordings,
                  std::span<const std::size_t> chosen) {
  ThreadError error;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(counters.size()))
  for (std::size_t t = 0; t < counters.size(); ++t) {
    Counter& counter = counters[t];
    const auto share = comm::share_of(chosen.size(), static_cast<int>(t), static_cast<int>(counters.size()));
    error.keep(t, [&] {
      for (std::size_t i = share.first; i < share.first + share.count; ++i) {
        events::Recording& recording = recordings[chosen[i]];
        if (counter.framer.filtered) counter.framer.filters.apply(recording.events);
        with_context(recording.source, [&] { counter.framer.maker.add_values(recording.events, counter.values); });
      }
    });
  }
  error.rethrow();
}

}  // namespace

events::FrameOptions fit_frames(comm::World& world, const Options& options, const FitRecordings& recordings,
                                Progress& progress) {
  auto phase = world.phase("fit thresholds", 6 * 3600);
  events::ValueHistogram values;
  std::vector<std::uint32_t> train;
  world.agree("fit thresholds", [&] {
    train = recordings.splits(options.splits).train;
    const auto share = comm::share_of(train.size(), world.rank(), world.size());
    const auto mine = std::span(train).subspan(share.first, share.count);
    std::vector<Counter> counters;
    for (int t = 0; t < omp_get_max_threads(); ++t)
      counters.push_back({Framer(options.filters, options.frames, recordings.sensor), {}});
    progress.begin("fit thresholds", mine.size(), "recordings");
    for (std::size_t done = 0; done < mine.size() && !stop::wished();) {
      // What trains lies close together: a block is read as a whole, and those between are passed over.
      const std::size_t first = mine[done];
      std::vector<std::size_t> chosen;
      while (done < mine.size() && mine[done] < first + kBlock) chosen.push_back(mine[done++] - first);
      auto block = recordings.read(first, chosen.back() + 1);
      count_values(counters, block, chosen);
      phase.alive();
      progress.advance(done);
      fail_at(fault::kFit, static_cast<std::int64_t>(done));
    }
    progress.end();
    for (Counter& counter : counters) {
      for (std::size_t i = 0; i < events::ValueHistogram::kBuckets; ++i) values.counts()[i] += counter.values.counts()[i];
    }
  });
  stop_where_wished(world, "thresholds were being fitted, what was written before stays");
  world.sum(values.counts());
  events::FrameOptions fitted;
  world.agree("fit thresholds", [&] { fitted = events::fit_thresholds(options.frames, values); });
  log::info(cat("thresholds of values ", fitted.values, ", fitted on ", with_commas(train.size()),
                " recordings that train: data.frames.thresholds=", fitted.thresholds_text()));
  return fitted;
}

}  // namespace dltonic::data
