// Steps on the GPU against steps on the host: same samples, same augmentation, same model.
#include "dltonic/train/engine.h"

#include <gtest/gtest.h>

#include <cstring>

#include "dltonic/core/error.h"
#include "dltonic/train/trainer.h"
#include "mpi/train/synthetic.h"
#include "support/mpi_world.h"

namespace dltonic::train {
namespace {

using test::world;

struct Points : MetricSink {
  std::vector<MetricPoint> of_training;
  void write(const MetricPoint& point) override {
    if (point.split == "train") of_training.push_back(point);
  }
};

struct Bench {
  Points points;
  data::FrameSet frames = test::synthetic_frames(60);
  data::Splits splits = test::synthetic_splits(frames);
  std::unique_ptr<model::Model> model = test::synthetic_model(frames, "difflogic");
  EnginePlan plan;
  std::filesystem::path folder = test::shared_folder() / "checkpoints";
  Progress progress;
  std::unique_ptr<Checkpoints> checkpoints;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Trainer> trainer;

  explicit Bench(const std::string& device) {
    plan.train.device = device;
    plan.train.batch_size = 24;
    plan.train.epochs = 3;
    plan.augmentation = {.shift = 1, .salt_pepper = 0.02};
    plan.distributed.share_gpu = true;
    plan.training_samples = frames.samples_of(splits.train).size();
    folder += "_" + device;
  }
  Trainer& make() {
    checkpoints = std::make_unique<Checkpoints>(world(), folder, CheckpointOptions{}, Monitor{}, "{}");
    engine = make_engine(world(), *model, frames, plan);
    trainer = std::make_unique<Trainer>(world(), *engine, frames, splits, plan.train, 60, *checkpoints,
                                        std::vector<MetricSink*>{&points}, progress);
    return *trainer;
  }
};

void expect_same_steps(Bench& gpu, Bench& cpu, int steps, double bound = 1e-5) {
  Trainer& a = gpu.make();
  Trainer& b = cpu.make();
  for (int i = 0; i < steps; ++i) {
    const double want = b.step();
    ASSERT_NEAR(a.step(), want, bound * want) << "step " << i << ", " << gpu.engine->describe();
  }
}

TEST(GpuEngine, StepsAreTheHostsInEveryResidency) {
  for (const std::string residency : {"replicate", "shard", "stream"}) {
    Bench gpu("gpu"), cpu("cpu");
    gpu.plan.residency = residency;
    expect_same_steps(gpu, cpu, 12);
    EXPECT_NE(gpu.engine->describe().find(residency), std::string::npos) << gpu.engine->describe();
  }
}

TEST(GpuEngine, SchedulesAndClippingAreTheHosts) {
  for (const std::string kind : {"difflogic", "mlp"}) {
    SCOPED_TRACE(kind);
    Bench gpu("gpu"), cpu("cpu");
    for (Bench* bench : {&gpu, &cpu}) {
      logic::OptimizerOptions& o = bench->plan.train.optimizer;
      o.clip_norm = 1e-3;
      o.clip_value = 2e-4;
      bench->plan.train.schedule.kind = "cosine";
      bench->plan.train.schedule.warmup_epochs = 1;
      bench->model = test::synthetic_model(bench->frames, kind, o);
    }
    gpu.make().run();
    cpu.make().run();
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
      const auto& got = gpu.points.of_training[epoch].scalars;
      const auto& want = cpu.points.of_training[epoch].scalars;
      for (const char* name : {"loss", "learning_rate", "gradient_norm"}) {
        const auto value = [&](const auto& scalars) {
          for (const auto& [key, v] : scalars) {
            if (key == name) return v;
          }
          return -1.0;
        };
        EXPECT_GT(value(want), 0) << name;
        EXPECT_NEAR(value(got), value(want), 1e-3 * value(want)) << name << " of epoch " << epoch;
      }
    }
  }
}

TEST(GpuEngine, MicroBatchesAddUp) {
  Bench gpu("gpu"), cpu("cpu");
  gpu.plan.train.micro_batch_size = 5;  // does not divide a share
  expect_same_steps(gpu, cpu, 8);
}

TEST(GpuEngine, CanonicalSumsAreMadeOnTheHost) {
  Bench gpu("gpu"), cpu("cpu");
  for (Bench* bench : {&gpu, &cpu}) {
    bench->plan.distributed.reduction = "canonical";
    bench->plan.distributed.canonical_shards = 6;
  }
  expect_same_steps(gpu, cpu, 8);
}

TEST(GpuEngine, RunsEvaluatesSavesAndGoesOnLikeTheHost) {
  Bench gpu("gpu"), cpu("cpu");
  const Summary a = gpu.make().run(), b = cpu.make().run();
  EXPECT_EQ(a.steps, b.steps);
  ASSERT_EQ(gpu.points.of_training.size(), 3u) << "one an epoch, however many steps are on their way";
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    const auto& got = gpu.points.of_training[epoch];
    const auto& want = cpu.points.of_training[epoch];
    EXPECT_EQ(got.step, want.step);
    EXPECT_NEAR(got.scalars[0].second, want.scalars[0].second, 1e-4 * want.scalars[0].second) << got.scalars[0].first;
    EXPECT_EQ(got.scalars[1].second, want.scalars[1].second) << got.scalars[1].first;
  }
  EXPECT_NEAR(a.train_loss, b.train_loss, 1e-4 * b.train_loss);
  EXPECT_NEAR(a.validation.scalar("loss"), b.validation.scalar("loss"), 1e-4 * b.validation.scalar("loss"));
  EXPECT_EQ(a.validation.samples, b.validation.samples);

  // What the GPU saved goes on here and there alike.
  const std::string saved = gpu.checkpoints->resolve("latest");
  Bench again("gpu"), host("cpu");
  host.folder = again.folder = gpu.folder;
  for (Bench* bench : {&again, &host}) bench->plan.train.epochs = 5;
  again.make().resume(saved);
  host.make().resume(saved);
  for (int i = 0; i < 6; ++i) {
    const double want = host.trainer->step();
    ASSERT_NEAR(again.trainer->step(), want, 1e-5 * want) << i;
  }
}

TEST(GpuEngine, ARunGoesOnFromTheMiddleOfAnEpochBitForBit) {
  Bench whole("gpu"), broken("gpu"), rest("gpu");
  whole.folder += "_whole";
  broken.folder += "_broken";
  rest.folder = broken.folder;
  Trainer& all = whole.make();
  std::vector<double> losses;
  for (int i = 0; i < 9; ++i) losses.push_back(all.step());
  Trainer& first = broken.make();
  for (int i = 0; i < 4; ++i) first.step();
  broken.engine->to_host(4);
  Progression at;
  at.step = 4;
  broken.checkpoints->save({.step = 4, .epoch = 0.1, .metrics = {}, .is_last = true}, [&] {
    return ModelState{broken.model->state(), at.state()};
  });
  Trainer& second = rest.make();
  second.resume(broken.checkpoints->resolve("latest"));
  for (std::size_t i = 4; i < 9; ++i) EXPECT_EQ(second.step(), losses[i]) << i;
}

TEST(GpuEngine, ALossThatIsNotFiniteEndsOnAllRanksTogether) {
  Bench bench("gpu");
  for (const TensorView& view : bench.model->state()) {
    if (view.name == "layer0/logits") static_cast<float*>(view.data)[0] = std::numeric_limits<float>::quiet_NaN();
  }
  Trainer& trainer = bench.make();
  try {
    trainer.step();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not finite"), std::string::npos) << error.what();
    EXPECT_TRUE(error.agreed());
  }
}

/// Broken on the last rank alone, after some steps: what is looked at is the GPU's state, not the host's older one.
TEST(GpuEngine, TellsWhereTheFirstValueLiesThatIsNotFinite) {
  const int last = world().size() - 1;
  for (const std::string kind : {"difflogic", "mlp"}) {
    for (const std::string precision : {"float32", "bfloat16"}) {
      SCOPED_TRACE(kind + " " + precision);
      Bench bench("gpu");
      bench.model = test::synthetic_model(bench.frames, kind);
      bench.plan.train.detect_anomaly = true;
      bench.plan.train.precision = precision;
      Trainer& trainer = bench.make();
      EXPECT_EQ(bench.engine->lag(), 0);
      for (int step = 0; step < 2; ++step) trainer.step();
      bench.engine->to_host(2);
      for (const TensorView& view : bench.model->state()) {
        if (world().rank() == last && (view.name == "layer1/logits" || view.name == "classes/weight"))
          static_cast<float*>(view.data)[33] = std::numeric_limits<float>::quiet_NaN();
      }
      bench.model->state_loaded();
      bench.engine->from_host();
      for (const TensorView& view : bench.model->state()) {  // the GPU has them
        if (view.name == "layer1/logits" || view.name == "classes/weight") static_cast<float*>(view.data)[33] = 0;
      }
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
      EXPECT_NE(said.find(rank + place), std::string::npos) << said;
    }
  }
}

TEST(GpuEngine, BaselinesStepLikeTheHost) {
  for (const std::string kind : {"mlp", "cnn"}) {
    for (const int micro : {0, 5}) {
      Bench gpu("gpu"), cpu("cpu");
      for (Bench* bench : {&gpu, &cpu}) {
        bench->model = test::synthetic_model(bench->frames, kind);
        bench->plan.train.micro_batch_size = micro;
      }
      // Adam makes as much of a small gradient as of a large one: errors of cuDNN's convolutions show, and grow with every
      // step.
      const bool convolves = kind == "cnn";
      expect_same_steps(gpu, cpu, convolves ? 6 : 10, convolves ? 1e-2 : 1e-4);
      EXPECT_NE(gpu.engine->describe().find(kind + " by LibTorch"), std::string::npos) << gpu.engine->describe();
      if (world().size() > 1) continue;
      EXPECT_NE(gpu.engine->describe().find("one graph"), std::string::npos) << gpu.engine->describe();
    }
  }
}

TEST(GpuEngine, ABaselineSavedByAGpuGoesOnHereAndThere) {
  Bench gpu("gpu");
  gpu.folder += "_mlp";
  gpu.model = test::synthetic_model(gpu.frames, "mlp");
  gpu.make().run();
  const std::string saved = gpu.checkpoints->resolve("latest");
  Bench again("gpu"), host("cpu");
  host.folder = again.folder = gpu.folder;
  for (Bench* bench : {&again, &host}) {
    bench->model = test::synthetic_model(bench->frames, "mlp");
    bench->plan.train.epochs = 5;
    bench->make().resume(saved);
  }
  for (int i = 0; i < 6; ++i) {
    const double want = host.trainer->step();
    ASSERT_NEAR(again.trainer->step(), want, 1e-4 * want) << i;
  }
}

}  // namespace
}  // namespace dltonic::train
