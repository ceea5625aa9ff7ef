#include "dltonic/train/evaluate.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/stop.h"
#include "dltonic/core/text.h"
#include "dltonic/train/metric.h"

namespace dltonic::train {
namespace {

/// One way of reading the model, and the metrics that look at it.
struct Reader {
  Reader(model::Reading how, int classes)
      : reading(how),
        frames(classes),
        recordings(classes),
        row(static_cast<std::size_t>(classes)),
        recording_row(static_cast<std::size_t>(classes)) {}

  void read(Engine& engine, std::span<const std::uint32_t> samples) {
    logits.resize(samples.size() * row.size());
    engine.score(samples, reading, logits);
  }
  void add_frame(std::size_t i, int label) {
    std::copy_n(logits.data() + i * row.size(), row.size(), row.begin());
    for (std::size_t c = 0; c < row.size(); ++c) recording_row[c] += row[c];
    frames.add(label, argmax(row));
    for (Metric* metric : of_frames) metric->add(row, label);
  }
  void end_recording(int label) {
    recordings.add(label, argmax(recording_row));
    for (Metric* metric : of_recordings) metric->add(recording_row, label);
    std::fill(recording_row.begin(), recording_row.end(), 0.0);
  }

  model::Reading reading;
  Confusion frames, recordings;
  std::vector<Metric*> of_frames, of_recordings;
  std::vector<float> logits;               ///< [sample][class]
  std::vector<double> row, recording_row;  ///< of the frame at hand; of the recording so far
};

nlohmann::json as_json(const Confusion& confusion) {
  nlohmann::json rows = nlohmann::json::array();
  for (int label = 0; label < confusion.classes(); ++label) {
    nlohmann::json row = nlohmann::json::array();
    for (int predicted = 0; predicted < confusion.classes(); ++predicted) row.push_back(confusion.at(label, predicted));
    rows.push_back(std::move(row));
  }
  return rows;
}

void end_where_stop_is_wished(comm::World& world) {
  if (world.max(stop::wished() ? 1 : 0) == 0) return;
  StopError error("the evaluation was ended by a wish to stop");
  error.set_agreed();
  throw error;
}

}  // namespace

Evaluation evaluate(comm::World& world, Engine& engine, const data::FrameSet& frames, std::span<const std::uint32_t> recordings,
                    Progress& progress) {
  const Stopwatch watch;
  auto phase = world.phase("evaluate", 3600);
  const auto classes = static_cast<int>(frames.classes.size());
  std::vector<Reader> readers;
  readers.emplace_back(model::Reading::soft, classes);
  if (engine.model().has_gates()) readers.emplace_back(model::Reading::hard, classes);
  std::vector<std::unique_ptr<Metric>> metrics;
  for (const MetricKind& kind : metric_kinds()) {
    Reader& reader = kind.reading == model::Reading::soft ? readers.front() : readers.back();
    metrics.push_back(kind.make(classes));
    (kind.unit == Unit::frame ? reader.of_frames : reader.of_recordings).push_back(metrics.back().get());
  }

  const auto share = comm::share_of(recordings.size(), world.rank(), world.size());
  const auto mine = recordings.subspan(share.first, share.count);
  const std::vector<std::uint32_t> samples = frames.samples_of(mine);
  const std::size_t at_once = engine.scored_at_once();
  // Every rank looks for wishes equally often, also where its own samples are fewer.
  const auto rounds = static_cast<std::size_t>(world.max(static_cast<double>((samples.size() + at_once - 1) / at_once)));
  progress.begin("evaluate", samples.size(), "samples");
  std::size_t recording = 0;      // within `mine`
  std::uint64_t frames_read = 0;  // of that recording
  for (std::size_t round = 0; round < rounds; ++round) {
    end_where_stop_is_wished(world);
    fail_at(fault::kInEvaluation);
    const std::size_t first = std::min(round * at_once, samples.size());
    const std::size_t count = std::min(at_once, samples.size() - first);
    if (count == 0) continue;
    for (Reader& reader : readers) reader.read(engine, std::span(samples).subspan(first, count));
    for (std::size_t row = 0; row < count; ++row) {
      const auto frames_of = [&](std::uint32_t r) { return frames.recording_offset[r + 1] - frames.recording_offset[r]; };
      while (frames_of(mine[recording]) == 0) ++recording;  // gave no frame, so it cannot be predicted
      const int label = frames.labels[samples[first + row]];
      for (Reader& reader : readers) reader.add_frame(row, label);
      const std::uint32_t id = mine[recording];
      if (++frames_read == frames_of(id)) {
        for (Reader& reader : readers) reader.end_recording(frames.recording_labels[id]);
        ++recording;
        frames_read = 0;
      }
    }
    phase.alive();
    progress.advance(first + count);
  }
  progress.end();

  Evaluation evaluation;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    world.sum(metrics[m]->sums());
    evaluation.scalars.emplace_back(metric_kinds()[m].name, metrics[m]->value());
  }
  evaluation.hard_frames = readers.back().frames;
  evaluation.hard_recordings = readers.back().recordings;
  world.sum(evaluation.hard_frames.counts());
  world.sum(evaluation.hard_recordings.counts());
  evaluation.samples = evaluation.hard_frames.total();
  evaluation.recordings = evaluation.hard_recordings.total();
  evaluation.seconds = watch.seconds();
  return evaluation;
}

double Evaluation::scalar(const std::string& name) const {
  for (const auto& [key, value] : scalars) {
    if (key == name) return value;
  }
  throw ConfigError("no metric is called '" + name + "'");
}

nlohmann::json Evaluation::json(const std::vector<std::string>& classes) const {
  nlohmann::json out;
  for (const auto& [key, value] : scalars) out[key] = value;
  out["samples"] = samples;
  out["recordings"] = recordings;
  out["seconds"] = seconds;
  out["classes"] = classes;
  out["precision"] = hard_frames.precision();
  out["recall"] = hard_frames.recall();
  out["f1"] = hard_frames.f1();
  out["confusion"] = as_json(hard_frames);
  out["confusion_recording"] = as_json(hard_recordings);
  return out;
}

}  // namespace dltonic::train
