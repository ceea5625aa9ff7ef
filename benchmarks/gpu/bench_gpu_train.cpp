// Times whole epochs of the trainer on GPUs: 60,000 random frames of N-MNIST's size in GPU memory, shifted at random, a gate
// network of 4 x 64,000. One line of JSON a case on standard output, by rank 0. Under mpirun the batch grows with the ranks
// (weak scaling).
//
//   [mpirun -n RANKS] bench_gpu_train [NAME...]     only cases whose name contains one of these
#include <iostream>
#include <nlohmann/json.hpp>

#include "dltonic/comm/world.h"
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
  int micro = 0;
};

nlohmann::json run(comm::World& world, const data::FrameSet& frames, const Case& c) {
  data::Splits splits;
  for (std::uint32_t r = 0; r < kFrames; ++r) splits.train.push_back(r);
  model::Options model_options;
  model_options.network.gates = 64000;
  model_options.network.layers = 4;
  model_options.network.wiring = c.wiring;
  model_options.network.estimator = c.estimator;
  train::EnginePlan plan;
  plan.train.device = "gpu";
  plan.train.precision = c.precision;
  plan.train.batch_size = c.samples * world.size();
  plan.train.micro_batch_size = c.micro;
  plan.train.epochs = c.samples <= 64 ? 3 : c.samples <= 512 ? 6 : 10;
  plan.train.checkpoint_epochs = 0;
  plan.distributed.overlap = c.overlap;
  plan.augmentation.shift = 2;
  plan.training_samples = kFrames;
  const auto model = model::make_model(model_options, frames.shape, 10, 0, plan.train.optimizer);
  device::reset_peak();
  const auto engine = train::make_engine(world, *model, frames, plan);
  // A sink keeps the rate of each epoch; the trainer's own clock.
  struct Rates : train::MetricSink {
    std::vector<double> rates, losses;
    void write(const train::MetricPoint& point) override {
      for (const auto& [name, value] : point.scalars) {
        if (name == "samples_per_s") rates.push_back(value);
        if (name == "loss") losses.push_back(value);
      }
    }
  } sink;
  const auto folder = std::filesystem::temp_directory_path() / "dltonic_bench_gpu_train";
  train::Checkpoints checkpoints(world, folder, 1, "{}");
  checkpoints.set_input(frames.shape, frames.classes);
  Progress progress;
  train::Trainer trainer(world, *engine, frames, splits, plan.train, 60, checkpoints,
                         world.is_root() ? std::vector<train::MetricSink*>{&sink} : std::vector<train::MetricSink*>{},
                         progress);
  trainer.run();
  if (!world.is_root()) return {};
  std::filesystem::remove_all(folder);
  std::vector<double> rates(sink.rates.begin() + 1, sink.rates.end());  // the first epoch records the graph
  std::sort(rates.begin(), rates.end());
  const double rate = rates[rates.size() / 2];
  return {{"name", c.name},
          {"ranks", world.size()},
          {"batch", plan.train.batch_size},
          {"ms", plan.train.batch_size / rate * 1000},
          {"samples_per_s", rate},
          {"spread", (rates.back() - rates.front()) / rate},
          {"first_loss", sink.losses.front()},
          {"last_loss", sink.losses.back()},
          {"peak_bytes", device::memory_use().peak},
          {"runs", engine->describe()}};
}

}  // namespace

int main(int argc, char** argv) {
  comm::World world(argc, argv);
  try {
    const data::FrameSet frames = random_frames();
    std::vector<Case> cases;
    for (const int samples : {64, 512, 2048}) {
      const std::string b = cat("_b", samples);
      cases.push_back({"train_chain_bf16" + b, samples, "chain", "soft", "bfloat16"});
      cases.push_back({"train_random_bf16" + b, samples, "random", "soft", "bfloat16"});
      if (samples != 512) continue;
      cases.push_back({"train_chain_fp32" + b, samples, "chain", "soft", "float32"});
      cases.push_back({"train_hard" + b, samples, "chain", "hard", "bfloat16"});
      cases.push_back({"train_gumbel" + b, samples, "chain", "gumbel", "bfloat16"});
      if (world.size() > 1)
        cases.push_back({"train_chain_bf16_no_overlap" + b, samples, "chain", "soft", "bfloat16", /*overlap=*/false});
    }
    for (const Case& c : cases) {
      bool wanted = argc == 1;
      for (int i = 1; i < argc; ++i) wanted |= c.name.find(argv[i]) != std::string::npos;
      if (!wanted) continue;
      const auto result = run(world, frames, c);
      if (world.is_root()) std::cout << result.dump() << std::endl;
    }
  } catch (const std::exception& error) {
    world.abort(error.what(), 1);
  }
  return 0;
}
