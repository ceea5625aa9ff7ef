#include "dltonic/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "dltonic/core/error.h"
#include "dltonic/core/stop.h"
#include "mpi/train/synthetic.h"
#include "support/mpi_world.h"

namespace dltonic::train {
namespace {

using test::world;

/// A step at which saves are slow. Read once a process, before the first step.
const int the_faults = ::setenv("DLTONIC_FAIL_AT", "before_manifest:*:7000:sleep=0.3", 1);

/// Calls `on` with what goes on and how far it is.
struct Told : Progress {
  std::function<void(const std::string&, std::uint64_t)> on;
  std::string activity;
  void begin(const std::string& name, std::uint64_t, const std::string&) override { tell(activity = name, 0); }
  void advance(std::uint64_t done, const std::string&) override { tell(activity, done); }
  void tell(const std::string& name, std::uint64_t done) const {
    if (on) on(name, done);
  }
};

struct Points : MetricSink {
  std::vector<MetricPoint> all;
  void write(const MetricPoint& point) override { all.push_back(point); }
  std::vector<double> values(const std::string& split, const std::string& name) const {
    std::vector<double> found;
    for (const MetricPoint& point : all) {
      for (const auto& [key, value] : point.scalars) {
        if (point.split == split && key == name) found.push_back(value);
      }
    }
    return found;
  }
};

/// Everything that a trainer stands on, in a folder of its own.
struct Bench {
  data::FrameSet frames = test::synthetic_frames(60);
  data::Splits splits = test::synthetic_splits(frames);
  std::unique_ptr<model::Model> model;
  Options options;
  CheckpointOptions saving;
  DistributedOptions distributed;
  data::AugmentationOptions augmentation{.shift = 1, .salt_pepper = 0.02};
  std::filesystem::path folder = test::shared_folder() / "checkpoints";
  Told progress;
  Points points;
  std::unique_ptr<Checkpoints> checkpoints;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Trainer> trainer;

  explicit Bench(const std::string& kind = "difflogic") : model(test::synthetic_model(frames, kind)) {
    options.device = "cpu";
    options.batch_size = 24;
    options.epochs = 4;
  }
  Trainer& make() {
    checkpoints = std::make_unique<Checkpoints>(world(), folder, saving, monitor_of(options), "{}");
    checkpoints->set_fit({{"input", R"({"width":7})"}});
    engine = make_engine(world(), *model, frames,
                         {.train = options,
                          .distributed = distributed,
                          .augmentation = augmentation,
                          .training_samples = frames.samples_of(splits.train).size()});
    trainer = std::make_unique<Trainer>(world(), *engine, frames, splits, options, 60, *checkpoints,
                                        std::vector<MetricSink*>{&points}, progress);
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
  bench.checkpoints->set_fit({{"input", R"({"width":8})"}});
  try {
    bench.trainer->resume(*name);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("input.width: 7 in the checkpoint, 8 here"), testing::HasSubstr("--allow")));
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

/// The last rank's state alone is broken: every rank ends with the same words, which name that rank and the place.
TEST(Trainer, TellsWhereTheFirstValueLiesThatIsNotFinite) {
  const int last = world().size() - 1;
  for (const std::string kind : {"difflogic", "mlp"}) {
    for (const std::string reduction : {"fast", "canonical"}) {
      SCOPED_TRACE(kind + " " + reduction);
      Bench bench(kind);
      bench.distributed.reduction = reduction;
      bench.options.detect_anomaly = true;
      bench.options.micro_batch_size = 3;
      Trainer& trainer = bench.make();
      for (int step = 0; step < 4; ++step) trainer.step();  // the last of an epoch: its samples are still known
      for (const TensorView& view : bench.model->state()) {
        if (world().rank() == last && (view.name == "layer1/logits" || view.name == "classes/weight"))
          static_cast<float*>(view.data)[33] = std::numeric_limits<float>::quiet_NaN();
      }
      bench.model->state_loaded();
      std::string said;
      try {
        trainer.step();
      } catch (const Error& error) {
        EXPECT_TRUE(error.agreed());
        said = error.what();
      }
      const std::string place = kind == "difflogic" ? "parameters of layer1: gate 2, logit 1 (AND) is nan"
                                                    : "parameters: classes/weight[2, 1] is nan";
      const std::string rank = last > 0 ? "first on rank " + std::to_string(last) + " in " : "first in ";
      EXPECT_THAT(said, testing::HasSubstr(rank + place));
      for (const std::string& other : world().gather(said)) EXPECT_EQ(other, said);
    }
  }
}

TEST(Trainer, SkipsStepsThatAreNotFiniteUntilItIsHopeless) {
  Bench bench("mlp");
  bench.options.optimizer.learning_rate = 1e30;  // one update, and nothing is finite any more
  bench.options.on_nonfinite = "skip";
  bench.options.epochs = 40;
  Trainer& trainer = bench.make();
  trainer.step();
  const auto broken = test::state_bytes(*bench.model);
  try {
    trainer.run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), testing::HasSubstr("for the 50th time in a row"));
  }
  EXPECT_EQ(test::state_bytes(*bench.model), broken) << "no step that is left out changes anything";
  EXPECT_FALSE(bench.checkpoints->newest_good()) << "what is not finite is not saved";
}

TEST(Trainer, AWishOfOneRankStopsAllAfterTheSameStepAndNothingIsLost) {
  Bench whole;
  whole.folder += "_whole";
  const Summary expected = whole.make().run();
  const std::pair<const char*, std::int64_t> wishes[] = {{"epoch 2/4", 5}, {"evaluate", -1}, {"epoch 3/4", -1}};
  for (const auto& [activity, step] : wishes) {
    SCOPED_TRACE(activity);
    stop::forget();
    Bench broken;
    broken.folder += std::string("_") + activity[0] + activity[6];
    int evaluations = 0;
    broken.progress.on = [&, activity = activity](const std::string& name, std::uint64_t done) {
      if (world().rank() != world().size() - 1 || name != activity) return;
      if (name == "evaluate" && done == 0 && ++evaluations < 2) return;  // the second one, in its midst
      stop::wish("a test");
    };
    Trainer& trainer = broken.make();
    const Summary stopped = trainer.run();
    EXPECT_EQ(stopped.stopped_by, "a test");
    EXPECT_LT(stopped.steps, expected.steps);
    EXPECT_EQ(world().max(static_cast<double>(stopped.steps)), static_cast<double>(stopped.steps)) << "the same on all ranks";
    stop::forget();

    Bench rest;
    rest.folder = broken.folder;
    Trainer& second = rest.make();
    second.resume(*rest.checkpoints->newest_good());
    const Summary summary = second.run();
    EXPECT_TRUE(summary.stopped_by.empty());
    EXPECT_EQ(summary.steps, expected.steps);
    EXPECT_EQ(test::state_bytes(*rest.model), test::state_bytes(*whole.model));
    for (const char* name : {"loss", "accuracy", "learning_rate"}) {
      auto found = broken.points.values("train", name);
      const auto more = rest.points.values("train", name);
      found.insert(found.end(), more.begin(), more.end());
      EXPECT_EQ(found, whole.points.values("train", name)) << name << ": each epoch told once, with an unbroken run's values";
    }
  }
}

TEST(Trainer, OutlivesASaveThatReadsItsModel) {
  Bench bench;
  bench.make();
  bench.checkpoints->save({7000, 0, {}, false, false}, [&] {
    return ModelState{bench.model->state(), {}, /*steps_change_it=*/false};
  });
  bench.trainer.reset();  // as an error does that ends the run
  EXPECT_EQ(bench.checkpoints->store().list().size(), 1u);
}

TEST(Trainer, EndsEarlyWhereNothingImproves) {
  Bench bench;
  bench.options.epochs = 50;
  bench.options.early_stopping = {.patience = 3, .monitor = "loss", .min_delta = 10};  // the first evaluation is the best
  const Summary summary = bench.make().run();
  EXPECT_TRUE(summary.ended_early);
  EXPECT_EQ(summary.epochs, 4);
  EXPECT_EQ(bench.points.values("val", "loss").size(), 4u);
  Bench again;  // that it has ended is part of the checkpoint
  again.options = bench.options;
  again.folder = bench.folder;
  Trainer& trainer = again.make();
  trainer.resume(*again.checkpoints->newest_good());
  EXPECT_EQ(trainer.run().epochs, 4);
}

TEST(Trainer, AStepsRateIsTheSchedules) {
  Bench bench;
  bench.options.schedule.kind = "step";
  bench.options.schedule.every_epochs = 1;
  bench.options.schedule.gamma = 0.5;
  bench.make().run();
  EXPECT_THAT(bench.points.values("train", "learning_rate"), testing::ElementsAre(0.01, 0.005, 0.0025, 0.00125));
  // Two epochs at 0.01 and one at 0: the third leaves the weights where they are.
  Bench twice, still;
  for (Bench* b : {&twice, &still}) b->options.epochs = b == &twice ? 2 : 3;
  twice.folder += "_twice";
  still.folder += "_still";
  still.options.schedule.kind = "multi_step";
  still.options.schedule.milestones = {2};
  still.options.schedule.gamma = 1e-30;
  twice.make().run();
  still.make().run();
  EXPECT_EQ(twice.points.values("val", "loss").back(), still.points.values("val", "loss").back());
}

TEST(Trainer, APlateauLowersTheRate) {
  Bench bench;
  bench.options.epochs = 6;
  bench.options.schedule.kind = "plateau";
  bench.options.schedule.patience = 1;
  bench.options.schedule.min_delta = 10;  // nothing improves after the first
  bench.options.schedule.gamma = 0.1;
  bench.options.schedule.final_factor = 0.05;
  bench.make().run();
  // Evaluations 2 and 3 bring nothing: epoch 4 runs at a tenth, after 4 and 5 epoch 6 at the least share.
  const double rates[] = {0.01, 0.01, 0.01, 0.001, 0.001, 0.0005};
  EXPECT_THAT(bench.points.values("train", "learning_rate"), testing::Pointwise(testing::DoubleEq(), rates));
}

}  // namespace
}  // namespace dltonic::train
