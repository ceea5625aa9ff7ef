#include "dltonic/train/evaluate.h"

#include <gtest/gtest.h>

#include "mpi/train/synthetic.h"
#include "support/mpi_world.h"

namespace dltonic::train {
namespace {

/// Plainly, on one rank: frame by frame, recording by recording.
struct Plain {
  Confusion frames{4}, recordings{4};
  double loss = 0;
};

Plain plain(model::Model& model, const data::FrameSet& frames, const std::vector<std::uint32_t>& recordings,
            model::Reading reading) {
  Plain result;
  for (const std::uint32_t r : recordings) {
    std::vector<double> sums(4);
    for (auto s = frames.recording_offset[r]; s < frames.recording_offset[r + 1]; ++s) {
      data::Batch batch;
      const auto sample = static_cast<std::uint32_t>(s);
      data::fill_batch(frames, std::span(&sample, 1), nullptr, 0, batch);
      std::vector<float> logits(4);
      model.logits(batch, reading, logits);
      const std::vector<double> scores(logits.begin(), logits.end());
      result.frames.add(frames.labels[s], argmax(scores));
      result.loss += cross_entropy(scores, frames.labels[s]);
      for (std::size_t c = 0; c < 4; ++c) sums[c] += static_cast<double>(logits[c]);
    }
    result.recordings.add(frames.recording_labels[r],
                          static_cast<int>(std::max_element(sums.begin(), sums.end()) - sums.begin()));
  }
  result.loss /= static_cast<double>(result.frames.total());
  return result;
}

TEST(Evaluate, CoversEverySampleOnceOnAnyNumberOfRanks) {
  const auto frames = test::synthetic_frames(397);  // more samples than one pass reads, no multiple of 2, 3 or 4
  const auto model = test::synthetic_model(frames);
  EnginePlan plan;
  plan.train.device = "cpu";
  const auto engine = make_engine(test::world(), *model, frames, plan);
  for (const std::size_t count : {std::size_t{397}, std::size_t{2}}) {  // 2: some ranks have nothing
    std::vector<std::uint32_t> recordings;
    for (std::uint32_t r = 0; r < count; ++r) recordings.push_back(r);
    Progress progress;
    const auto result = evaluate(test::world(), *engine, frames, recordings, progress);
    const auto soft = plain(*model, frames, recordings, model::Reading::soft);
    const auto hard = plain(*model, frames, recordings, model::Reading::hard);
    EXPECT_EQ(result.samples, static_cast<std::int64_t>(2 * count));
    EXPECT_EQ(result.recordings, static_cast<std::int64_t>(count));
    EXPECT_TRUE(result.hard_frames == hard.frames);
    EXPECT_TRUE(result.hard_recordings == hard.recordings);
    EXPECT_NEAR(result.scalar("loss"), soft.loss, 1e-9);
    EXPECT_NEAR(result.scalar("loss_hard"), hard.loss, 1e-9);
    EXPECT_EQ(result.scalar("accuracy_hard"), hard.frames.accuracy());
    EXPECT_EQ(result.scalar("accuracy_soft"), soft.frames.accuracy());
    EXPECT_EQ(result.scalar("accuracy_hard_recording"), hard.recordings.accuracy());
    EXPECT_EQ(result.scalar("accuracy_soft_recording"), soft.recordings.accuracy());
    EXPECT_EQ(result.scalar("f1_macro"), mean(hard.frames.f1()));
    EXPECT_EQ(result.scalar("accuracy_top5"), result.samples > 0 ? 1 : 0) << "of four classes";
  }
}

}  // namespace
}  // namespace dltonic::train
