#include "dltonic/train/evaluate.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"

namespace dltonic::train {
namespace {

struct Reader {
  model::Reading reading;
  ReadingResult result;
  std::vector<float> logits;
  std::vector<double> frame_losses;  // of the batch
  std::vector<double> recording_scores;
  double recording_loss = 0;
  std::vector<double> losses;  // of this rank's recordings, each the sum over its frames

  Reader(model::Reading how, int classes) : reading(how), recording_scores(static_cast<std::size_t>(classes)) {
    result.frames = Confusion(classes);
    result.recordings = Confusion(classes);
  }

  void read_frames(Engine& engine, const data::FrameSet& frames, std::span<const std::uint32_t> samples) {
    const auto width = static_cast<std::size_t>(result.frames.classes());
    logits.resize(samples.size() * width);
    frame_losses.resize(samples.size());
    engine.score(samples, reading, logits);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const std::span<const float> scores(logits.data() + i * width, width);
      const int label = frames.labels[samples[i]];
      result.frames.add(label, argmax(scores));
      frame_losses[i] = cross_entropy(scores, label);
    }
  }

  void add_to_recording(std::size_t row) {
    const std::size_t width = recording_scores.size();
    recording_loss += frame_losses[row];
    for (std::size_t c = 0; c < width; ++c) recording_scores[c] += static_cast<double>(logits[row * width + c]);
  }

  void end_recording(int label) {
    const auto best = std::max_element(recording_scores.begin(), recording_scores.end()) - recording_scores.begin();
    result.recordings.add(label, static_cast<int>(best));
    std::fill(recording_scores.begin(), recording_scores.end(), 0.0);
    losses.push_back(recording_loss);
    recording_loss = 0;
  }

  void reduce(comm::World& world) {
    world.sum(result.frames.counts());
    world.sum(result.recordings.counts());
    // Added recording by recording, so that the sum does not depend on the number of ranks: runs on other ranks report
    // the same loss, and train.monitor=loss chooses the same checkpoint.
    const auto all = world.gather_bytes(std::as_bytes(std::span(losses)));
    double total = 0;
    for (std::size_t at = 0; at < all.size(); at += sizeof(double)) {
      double loss = 0;
      std::memcpy(&loss, all.data() + at, sizeof loss);
      total += loss;
    }
    const auto samples = result.frames.total();
    result.loss = samples > 0 ? total / static_cast<double>(samples) : 0.0;
  }
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

}  // namespace

Evaluation evaluate(comm::World& world, Engine& engine, const data::FrameSet& frames, std::span<const std::uint32_t> recordings,
                    Progress& progress) {
  const Stopwatch watch;
  auto phase = world.phase("evaluate", 3600);
  const auto classes = static_cast<int>(frames.classes.size());
  std::vector<Reader> readers;
  readers.emplace_back(model::Reading::soft, classes);
  if (engine.model().has_gates()) readers.emplace_back(model::Reading::hard, classes);

  const auto share = comm::share_of(recordings.size(), world.rank(), world.size());
  const auto mine = recordings.subspan(share.first, share.count);
  const std::vector<std::uint32_t> samples = frames.samples_of(mine);
  progress.begin("evaluate", samples.size(), "samples");
  std::size_t recording = 0;      // within `mine`
  std::uint64_t frames_read = 0;  // of that recording
  for (std::size_t first = 0; first < samples.size(); first += engine.scored_at_once()) {
    const std::size_t count = std::min(engine.scored_at_once(), samples.size() - first);
    fail_at(fault::kInEvaluation);
    for (Reader& reader : readers) reader.read_frames(engine, frames, std::span(samples).subspan(first, count));
    for (std::size_t row = 0; row < count; ++row) {
      const auto frames_of = [&](std::uint32_t r) { return frames.recording_offset[r + 1] - frames.recording_offset[r]; };
      while (frames_of(mine[recording]) == 0) ++recording;  // gave no frame, so it cannot be predicted
      for (Reader& reader : readers) reader.add_to_recording(row);
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
  for (Reader& reader : readers) reader.reduce(world);

  Evaluation evaluation;
  evaluation.soft = readers.front().result;
  evaluation.hard = readers.back().result;
  evaluation.samples = evaluation.soft.frames.total();
  evaluation.recordings = evaluation.soft.recordings.total();
  evaluation.seconds = watch.seconds();
  return evaluation;
}

std::vector<std::pair<std::string, double>> Evaluation::scalars() const {
  return {{"accuracy_hard", hard.frames.accuracy()},
          {"accuracy_soft", soft.frames.accuracy()},
          {"accuracy_hard_recording", hard.recordings.accuracy()},
          {"accuracy_soft_recording", soft.recordings.accuracy()},
          {"precision_macro", mean(hard.frames.precision())},
          {"recall_macro", mean(hard.frames.recall())},
          {"f1_macro", mean(hard.frames.f1())},
          {"loss", soft.loss},
          {"loss_hard", hard.loss}};
}

double Evaluation::scalar(const std::string& name) const {
  for (const auto& [key, value] : scalars()) {
    if (key == name) return value;
  }
  throw ConfigError("no metric is called '" + name + "'");
}

nlohmann::json Evaluation::json(const std::vector<std::string>& classes) const {
  nlohmann::json out;
  for (const auto& [key, value] : scalars()) out[key] = value;
  out["samples"] = samples;
  out["recordings"] = recordings;
  out["seconds"] = seconds;
  out["classes"] = classes;
  out["precision"] = hard.frames.precision();
  out["recall"] = hard.frames.recall();
  out["f1"] = hard.frames.f1();
  out["confusion"] = as_json(hard.frames);
  out["confusion_recording"] = as_json(hard.recordings);
  return out;
}

}  // namespace dltonic::train
