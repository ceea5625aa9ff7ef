#include "dltonic/data/frame_set.h"

#include <algorithm>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/fault_point.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"
#include "dltonic/data/event_frames.h"
#include "dltonic/store/frame_file.h"

namespace dltonic::data {
namespace {
/// Rows go round in pieces of about this size, so that a rank needs little memory beside the frames themselves.
constexpr std::size_t kPieceBytes = 32u << 20;

/// Recordings differ in length: threads take them one by one.
void fill_from_events(const EventFrames& cut, const Augmentation* augmentation, std::uint32_t epoch, Batch& batch) {
  ThreadError error;
  const std::size_t mixed = cut.mixes() ? batch.samples.size() : 0;
  batch.second_labels.resize(mixed);
  batch.label_share.resize(mixed);
#pragma omp parallel
  {
    std::vector<std::uint64_t> framed(augmentation == nullptr ? 0 : batch.bits.row_words());
#pragma omp for schedule(dynamic)
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      error.keep(i, [&] {
        const auto out = batch.bits.row(i);
        const auto row = cut.row(batch.samples[i], epoch, augmentation == nullptr ? out : std::span(framed));
        if (mixed > 0) {
          batch.second_labels[i] = row.second;
          batch.label_share[i] = row.share;
        }
        if (augmentation != nullptr) augmentation->apply(framed, out, epoch, batch.samples[i]);
      });
    }
  }
  error.rethrow();
}
}  // namespace

std::vector<std::uint32_t> FrameSet::samples_of(std::span<const std::uint32_t> some) const {
  std::vector<std::uint32_t> samples;
  for (const std::uint32_t recording : some) {
    for (std::uint64_t s = recording_offset[recording]; s < recording_offset[recording + 1]; ++s) {
      samples.push_back(static_cast<std::uint32_t>(s));
    }
  }
  return samples;
}

FrameSet FrameSet::load(comm::World& world, const std::filesystem::path& path, const std::string& settings,
                        Progress& progress) {
  auto phase = world.phase("load frames", 3600);
  FrameSet set;
  std::optional<store::FrameFileReader> reader;
  world.agree("open the frames file", [&] {
    reader.emplace(path);
    if (!settings.empty()) reader->expect_settings(settings);
    const store::FrameFileInfo& info = reader->info();
    set.shape = {info.channels, info.height, info.width, info.depth};
    set.classes = info.classes;
    set.key = reader->key();
    set.thresholds = info.thresholds;
    set.labels = reader->labels();
    for (const auto& recording : info.recordings) {
      set.recording_labels.push_back(recording.label);
      set.recording_splits.push_back(recording.split);
      set.subjects.push_back(recording.subject);
      set.sources.push_back(recording.source);
    }
    set.recording_offset.assign(info.recordings.size() + 1, 0);
    const auto& recording = reader->recording();
    for (std::size_t s = 0; s < recording.size(); ++s) {
      if (s > 0 && recording[s] < recording[s - 1])
        throw DataError(path.string() + ": frames do not lie in the order of their recordings");
      ++set.recording_offset[recording[s] + 1];
    }
    for (std::size_t r = 0; r < info.recordings.size(); ++r) set.recording_offset[r + 1] += set.recording_offset[r];
    set.bits.reset(reader->samples(), set.shape.row_bits());
  });

  const std::size_t row_words = set.bits.row_words();
  const std::size_t piece = std::max<std::size_t>(1, kPieceBytes / (row_words * sizeof(std::uint64_t)));
  progress.begin("load frames", set.size(), "samples");
  std::vector<std::uint64_t> mine;
  for (std::size_t first = 0; first < set.size(); first += piece) {
    const std::size_t rows = std::min(piece, set.size() - first);
    const auto share = comm::share_of(rows, world.rank(), world.size());
    world.agree("read frames", [&] {
      mine.resize(share.count * row_words);
      reader->read_rows(first + share.first, share.count, mine);
    });
    const auto all = world.gather_bytes(std::as_bytes(std::span(mine)));
    std::copy(all.begin(), all.end(), reinterpret_cast<std::byte*>(set.bits.row(first).data()));
    phase.alive();
    progress.advance(first + rows);
  }
  progress.end();
  return set;
}

void fill_batch(const FrameSet& frames, std::span<const std::uint32_t> samples, const Augmentation* augmentation,
                std::uint32_t epoch, Batch& batch, const EventFrames* cut) {
  fail_at(fault::kLoader);
  batch.samples.assign(samples.begin(), samples.end());
  batch.labels.resize(samples.size());
  batch.bits.reset(samples.size(), frames.shape.row_bits());
  for (std::size_t i = 0; i < samples.size(); ++i) batch.labels[i] = frames.labels[samples[i]];
  if (cut != nullptr) return fill_from_events(*cut, augmentation, epoch, batch);
  batch.second_labels.clear();
  batch.label_share.clear();
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto row = frames.bits.row(samples[i]);
    if (augmentation == nullptr) std::copy(row.begin(), row.end(), batch.bits.row(i).begin());
    else augmentation->apply(row, batch.bits.row(i), epoch, samples[i]);
  }
}

}  // namespace dltonic::data
