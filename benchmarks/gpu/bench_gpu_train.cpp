// Times the trainer on GPUs: 60,000 random frames of N-MNIST's size in GPU memory, shifted at random, a gate network of
// 4 x 64,000. One line of JSON a case on standard output, by rank 0. Under mpirun the batch grows with the ranks (weak
// scaling).
//   step_*   steps in the middle of epochs, as the trainer's engine makes them: gather, augmentation, passes, sums, update,
//            report; median of 9 epochs by the host's clock
//   train_*  whole epochs of the trainer, their beginning and end included
//   long_*   20,007 steps, for a look at memory from outside; only when named
//   base_*   steps of the baselines (the nets of configs/model) on the GPU and on CPU cores; only when named
//
//   [mpirun -n RANKS] bench_gpu_train [NAME...]     only cases whose name begins with one of these
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dltonic/comm/world.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"
#include "dltonic/train/trainer.h"

using namespace dltonic;

namespace {

constexpr std::uint32_t kFrames = 60000;

data::FrameSet random_frames() {
  data::FrameSet frames;
  frames.shape = {2, 34, 34};
  for (int c = 0; c < 10; ++c) frames.classes.push_back(cat(c));
  frames.bits.reset(kFrames, frames.shape.features());
  Random random(1, Use::test);
  const std::size_t features = frames.shape.features();
  for (std::size_t s = 0; s < kFrames; ++s) {
    for (std::uint64_t& word : frames.bits.row(s)) word = random.next_u64() & random.next_u64();
    frames.bits.row(s).back() &= (std::uint64_t{1} << (features % 64)) - 1;
    frames.labels.push_back(static_cast<std::uint16_t>(random.below(10)));
  }
  frames.recording_labels = frames.labels;
  frames.recording_splits.assign(kFrames, events::Split::train);
  for (std::uint32_t r = 0; r <= kFrames; ++r) frames.recording_offset.push_back(r);
  return frames;
}

struct Case {
  std::string name;
  int samples;  ///< a rank
  std::string wiring, estimator, precision;
  bool overlap = true;
  int epochs = 0;  ///< of the trainer; 0: steps of its engine
  std::string model = "difflogic", device = "gpu";
  std::uint64_t steps = 200;  ///< an epoch, at most
};

/// Everything that a run stands on.
struct Bench {
  Bench(comm::World& world_, const data::FrameSet& frames_, const Case& c) : world(world_), frames(frames_) {
    for (std::uint32_t r = 0; r < kFrames; ++r) splits.train.push_back(r);
    model::Options options;
    options.kind = c.model;
    options.hidden = {256};
    options.network.gates = 64000;
    options.network.layers = 4;
    options.network.wiring = c.wiring;
    options.network.estimator = c.estimator;
    plan.train.device = c.device;
    plan.train.precision = c.precision;
    plan.train.batch_size = c.samples * world.size();
    plan.train.epochs = std::max(1, c.epochs);
    plan.distributed.overlap = c.overlap;
    plan.augmentation.shift = 2;
    plan.training_samples = kFrames;
    model = model::make_model(options, frames.shape, 10, 0, plan.train.optimizer);
    device::reset_peak();
    before = device::memory_use().now;
    engine = train::make_engine(world, *model, frames, plan);
  }
  comm::World& world;
  const data::FrameSet& frames;
  data::Splits splits;
  train::EnginePlan plan;
  std::unique_ptr<model::Model> model;
  std::size_t before = 0;
  std::unique_ptr<train::Engine> engine;
};

/// Milliseconds a step, of each of nine epochs.
std::vector<double> time_steps(Bench& bench, std::uint64_t most_steps) {
  train::Engine& engine = *bench.engine;
  data::EpochOrder order(bench.frames.samples_of(bench.splits.train), static_cast<std::uint64_t>(bench.plan.train.batch_size),
                         0);
  const auto steps = static_cast<std::int64_t>(std::min(order.batches(), most_steps));
  constexpr std::int64_t kFirst = 5;  // in full swing
  std::vector<double> times;
  std::int64_t step = 0, told = 0;
  for (std::uint32_t epoch = 0; epoch < 10; ++epoch) {
    order.start(epoch);
    engine.start_epoch(epoch, order, std::vector<double>(order.batches(), 0.01));
    double begin = 0;
    for (std::int64_t batch = 0; batch < steps; ++batch) {
      engine.enqueue({.step = step, .updates = step, .epoch = epoch, .batch = static_cast<std::uint64_t>(batch), .wishes = {}});
      ++step;
      const std::int64_t lag = batch + 1 == steps ? 0 : engine.lag();
      while (step - told > lag) {
        engine.result(told++);
        if (told - (step - 1 - batch) == kFirst + 1) begin = steady_seconds();  // step kFirst of this epoch is done
      }
    }
    if (epoch > 0) times.push_back((steady_seconds() - begin) * 1000 / static_cast<double>(steps - 1 - kFirst));
  }
  return times;
}

/// The same of whole epochs but the first, which records the graph.
std::vector<double> time_epochs(Bench& bench) {
  struct Rates : train::MetricSink {
    std::vector<double> rates;
    void write(const train::MetricPoint& point) override {
      for (const auto& [name, value] : point.scalars) {
        if (name == "samples_per_s") rates.push_back(value);
      }
    }
  } sink;
  const auto folder = std::filesystem::temp_directory_path() / "dltonic_bench_gpu_train";
  const train::CheckpointOptions only_at_the_end{.every_epochs = 0, .keep_last = 1};
  train::Checkpoints checkpoints(bench.world, folder, only_at_the_end, train::Monitor{}, "{}");
  Progress progress;
  train::Trainer trainer(bench.world, *bench.engine, bench.frames, bench.splits, bench.plan.train, 60, checkpoints, {&sink},
                         progress);
  trainer.run();
  if (bench.world.is_root()) std::filesystem::remove_all(folder);
  std::vector<double> times;
  for (std::size_t i = 1; i < sink.rates.size(); ++i) times.push_back(bench.plan.train.batch_size / sink.rates[i] * 1000);
  return times;
}

nlohmann::json run(comm::World& world, const data::FrameSet& frames, const Case& c) {
  Bench bench(world, frames, c);
  std::vector<double> times = c.epochs > 0 ? time_epochs(bench) : time_steps(bench, c.steps);
  std::sort(times.begin(), times.end());
  const double ms = times[times.size() / 2];
  nlohmann::json out{{"name", c.name},
                     {"ranks", world.size()},
                     {"batch", bench.plan.train.batch_size},
                     {"ms", ms},
                     {"spread", (times.back() - times.front()) / ms},
                     {"samples_per_s", bench.plan.train.batch_size / ms * 1000},
                     {"peak_bytes", device::memory_use().peak - bench.before},
                     {"runs", bench.engine->describe()}};
  for (const auto& [name, value] : bench.engine->measurements()) {
    if (name.starts_with("step_")) out[name.substr(5)] = value;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  comm::World world(argc, argv);
  try {
    const data::FrameSet frames = random_frames();
    std::vector<Case> cases;
    for (const int samples : {64, 512, 2048}) {
      const std::string b = cat("_b", samples);
      const int epochs = samples <= 64 ? 3 : 10;
      cases.push_back({"step_chain_bf16" + b, samples, "chain", "soft", "bfloat16"});
      cases.push_back({"step_random_bf16" + b, samples, "random", "soft", "bfloat16"});
      cases.push_back({"step_chain_fp32" + b, samples, "chain", "soft", "float32"});
      cases.push_back({"step_hard" + b, samples, "chain", "hard", "bfloat16"});
      cases.push_back({"step_gumbel" + b, samples, "chain", "gumbel", "bfloat16"});
      cases.push_back({"train_chain_bf16" + b, samples, "chain", "soft", "bfloat16", true, epochs});
      if (world.size() > 1) cases.push_back({"step_chain_bf16_no_overlap" + b, samples, "chain", "soft", "bfloat16", false});
    }
    cases.push_back({"long_chain_bf16_b512", 512, "chain", "soft", "bfloat16", true, 171});
    for (const std::string model : {"mlp", "cnn"}) {
      for (const int samples : {64, 512}) {
        const std::string name = cat("base_", model, "_b", samples);
        cases.push_back({name + "_fp32", samples, "chain", "soft", "float32", true, 0, model});
        cases.push_back({name + "_bf16", samples, "chain", "soft", "bfloat16", true, 0, model});
        cases.push_back({name + "_cpu", samples, "chain", "soft", "float32", true, 0, model, "cpu", 12});
      }
    }
    for (const Case& c : cases) {
      bool wanted = argc == 1 && !c.name.starts_with("long_") && !c.name.starts_with("base_");
      for (int i = 1; i < argc; ++i) wanted |= c.name.starts_with(argv[i]);
      if (!wanted) continue;
      const auto result = run(world, frames, c);
      if (world.is_root()) std::cout << result.dump() << std::endl;
    }
  } catch (const std::exception& error) {
    world.abort(error.what(), 1);
  }
  return 0;
}
