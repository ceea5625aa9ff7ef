#include "dltonic/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "mpi/train/synthetic.h"
#include "support/mpi_world.h"

namespace dltonic::train {
namespace {

using test::world;

/// Everything that a trainer stands on, in a folder of its own.
struct Bench {
  data::FrameSet frames = test::synthetic_frames(60);
  data::Splits splits = test::synthetic_splits(frames);
  std::unique_ptr<model::Model> model;
  Options options;
  DistributedOptions distributed;
  data::AugmentationOptions augmentation{.shift = 1, .salt_pepper = 0.02};
  std::filesystem::path folder = test::shared_folder() / "checkpoints";
  Progress progress;
  std::unique_ptr<Checkpoints> checkpoints;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Trainer> trainer;

  explicit Bench(const std::string& kind = "difflogic") : model(test::synthetic_model(frames, kind)) {
    options.device = "cpu";
    options.batch_size = 24;
    options.epochs = 4;
  }
  Trainer& make() {
    checkpoints = std::make_unique<Checkpoints>(world(), folder, options.keep_last, "{}");
    checkpoints->set_input(frames.shape, frames.classes);
    engine = make_engine(world(), *model, frames,
                         {.train = options,
                          .distributed = distributed,
                          .augmentation = augmentation,
                          .training_samples = frames.samples_of(splits.train).size()});
    trainer = std::make_unique<Trainer>(world(), *engine, frames, splits, options, 60, *checkpoints, std::vector<MetricSink*>{},
                                        progress);
    return *trainer;
  }
};

/// The steps of `bench` on one rank, part by part, added in the tree of comm/canonical.h: what any number of ranks must
/// give bit for bit.
std::vector<double> serial_losses(Bench& bench, model::Model& model, int shards, int steps) {
  const auto batch_size = static_cast<std::uint64_t>(bench.options.batch_size);
  data::EpochOrder order(bench.frames.samples_of(bench.splits.train), batch_size, bench.options.seed);
  const data::Augmentation augmentation(bench.augmentation, bench.frames.shape, bench.options.seed);
  std::vector<data::BatchPart> parts;
  if (shards == 0) parts = {{0, batch_size}};
  else parts = data::parts_of_rank(batch_size, shards, 0, 1);
  std::vector<double> losses;
  data::Batch batch;
  for (int step = 0; step < steps; ++step) {
    const auto epoch = static_cast<std::uint32_t>(step / static_cast<int>(order.batches()));
    order.start(epoch);
    std::vector<std::vector<float>> gradients(parts.size(), std::vector<float>(model.gradient_size()));
    std::vector<double> loss(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const auto samples = order.samples(static_cast<std::uint64_t>(step) % order.batches(), parts[p]);
      data::fill_batch(bench.frames, samples, &augmentation, epoch, batch);
      loss[p] =
          model.forward_backward(batch, {1.0 / bench.options.batch_size, bench.options.seed, step}, gradients[p]).loss_sum;
    }
    for (std::size_t stride = 1; stride < parts.size(); stride *= 2) {
      for (std::size_t i = 0; i + stride < parts.size(); i += 2 * stride) {
        for (std::size_t k = 0; k < gradients[i].size(); ++k) gradients[i][k] += gradients[i + stride][k];
        loss[i] += loss[i + stride];
      }
    }
    model.update(gradients[0], bench.options.optimizer.learning_rate);
    losses.push_back(loss[0] / bench.options.batch_size);
  }
  return losses;
}

TEST(Trainer, CanonicalStepsEqualTheSerialOnesBitForBit) {
  for (const std::string kind : {"difflogic", "mlp"}) {
    Bench bench(kind);
    bench.distributed.reduction = "canonical";
    bench.distributed.canonical_shards = 6;  // uneven on 4 ranks
    const auto serial_model = test::synthetic_model(bench.frames, kind);
    const auto expected = serial_losses(bench, *serial_model, 6, 9);
    Trainer& trainer = bench.make();
    for (std::size_t step = 0; step < expected.size(); ++step)
      EXPECT_EQ(trainer.step(), expected[step]) << kind << " step " << step;
    EXPECT_EQ(test::state_bytes(*bench.model), test::state_bytes(*serial_model)) << kind;
  }
}

TEST(Trainer, FastStepsAgreeWithOneRankToRounding) {
  Bench bench;
  const auto serial_model = test::synthetic_model(bench.frames);
  const auto expected = serial_losses(bench, *serial_model, 0, 9);
  Trainer& trainer = bench.make();
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(trainer.step(), expected[step], 1e-5 * expected[step]) << step;
}

TEST(Trainer, AccumulatesMicroBatches) {
  Bench whole, pieces;
  pieces.folder += "_pieces";
  pieces.options.micro_batch_size = 5;  // does not divide a share
  Trainer& a = whole.make();
  Trainer& b = pieces.make();
  for (int step = 0; step < 5; ++step) {
    const double loss = a.step();
    EXPECT_NEAR(b.step(), loss, 1e-5 * loss);
  }
}

TEST(Trainer, LearnsAndKeepsTheBest) {
  Bench bench;
  bench.options.epochs = 8;
  bench.options.optimizer.learning_rate = 0.05;
  const Summary summary = bench.make().run();
  EXPECT_GE(summary.best, 0.75);
  EXPECT_EQ(summary.steps, 8 * static_cast<std::int64_t>(bench.frames.samples_of(bench.splits.train).size() / 24));
  const std::string best = bench.checkpoints->resolve("best");
  EXPECT_THAT(best, testing::StartsWith("step-" + std::to_string(summary.best_step) + "_"));
  int kept = 0;
  for (const auto& entry : store::CheckpointStore(bench.folder).list()) kept += entry.good();
  EXPECT_LE(kept, 3);  // the last two and the best
  EXPECT_GE(kept, 2);
}

TEST(Trainer, GoesOnWithTheSameNumbersForEveryKindOfModel) {
  for (const std::string& kind : model::model_kinds()) {
    SCOPED_TRACE(kind);
    Bench unbroken(kind), broken(kind), resumed(kind);
    broken.folder += "_broken";
    resumed.folder = broken.folder;
    const Summary expected = unbroken.make().run();
    broken.options.epochs = 2;
    broken.make().run();
    Trainer& trainer = resumed.make();
    const auto newest = resumed.checkpoints->newest_good();
    ASSERT_TRUE(newest.has_value());
    trainer.resume(*newest);
    const Summary summary = trainer.run();
    EXPECT_EQ(summary.train_loss, expected.train_loss);
    EXPECT_EQ(summary.best, expected.best);
    EXPECT_EQ(summary.best_step, expected.best_step);
    EXPECT_EQ(test::state_bytes(*resumed.model), test::state_bytes(*unbroken.model));
  }
}

TEST(Trainer, RefusesACheckpointOfOtherInputNamingBoth) {
  Bench bench;
  bench.options.epochs = 1;
  bench.make().run();
  const auto name = bench.checkpoints->newest_good();
  ASSERT_TRUE(name);
  bench.checkpoints->set_input({2, 6, 8}, bench.frames.classes);
  try {
    bench.trainer->resume(*name);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("\"width\":7"), testing::HasSubstr("\"width\":8")));
  }
}

TEST(Trainer, ALossThatIsNotFiniteEndsOnAllRanksTogether) {
  Bench bench("mlp");
  bench.options.optimizer.learning_rate = 1e30;
  Trainer& trainer = bench.make();
  try {
    for (int step = 0; step < 20; ++step) trainer.step();
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), testing::HasSubstr("not finite"));
  }
}

}  // namespace
}  // namespace dltonic::train
