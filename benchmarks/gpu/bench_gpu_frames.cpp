// Times how a GPU comes by its rows when an epoch begins and data.residency is shard: by an exchange between the ranks' GPUs,
// and from each host's memory. Frames of 10 x 34 x 34 bits (1.4 kB a row). One line of JSON a way on standard output, by rank
// 0: medians of 9 epochs and the spread, of the slowest rank.
//
//   [mpirun -n RANKS] bench_gpu_frames [FRAMES]     1,000,000 without a number
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dltonic/comm/gpu.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/data/device_frames.h"
#include "dltonic/device/device.h"

using namespace dltonic;

namespace {

data::FrameSet plain_frames(std::size_t count) {
  data::FrameSet frames;
  frames.shape = {10, 34, 34};
  frames.bits.reset(count, frames.shape.features());
  frames.labels.resize(count);
  for (std::size_t s = 0; s < count; ++s) frames.bits.row(s)[0] = s;
  return frames;
}

nlohmann::json measure(comm::World& world, const data::FrameSet& frames, comm::GpuReducer* gpus) {
  constexpr std::uint64_t kBatch = 1024;
  const data::EpochShares shares(frames.size(), kBatch, 0, world.rank(), world.size());
  const device::Stream stream;
  const std::size_t before = device::memory_use().now;
  data::DeviceFrames on_gpu(frames, {.residency = data::Residency::shard, .shares = shares, .gpus = gpus});
  const std::size_t bytes = device::memory_use().now - before;
  std::vector<std::uint32_t> samples(frames.size());
  std::iota(samples.begin(), samples.end(), 0u);
  data::EpochOrder order(samples, kBatch, 0);
  std::vector<double> ms, with_plan;
  for (std::uint32_t epoch = 0; epoch < 11; ++epoch) {
    order.start(epoch);
    world.barrier();
    const double begin = steady_seconds();
    on_gpu.start_epoch(order, stream);
    stream.synchronize();
    const double wall = world.max((steady_seconds() - begin) * 1000), gpu = world.max(on_gpu.start_ms());
    if (epoch < 2) continue;  // the first comes from the host, the second sets NCCL's connections up
    with_plan.push_back(wall);
    ms.push_back(gpu);
  }
  std::sort(ms.begin(), ms.end());
  std::sort(with_plan.begin(), with_plan.end());
  const double row_bytes = static_cast<double>(frames.bits.row_words() * sizeof(std::uint64_t));
  const double mine = static_cast<double>(shares.held(world.rank())) * row_bytes;
  return {{"name", gpus != nullptr ? "shard_exchange" : "shard_from_host"},
          {"ranks", world.size()},
          {"frames", frames.size()},
          {"share_GB", mine / 1e9},
          {"gpu_GB", static_cast<double>(bytes) / 1e9},
          {"ms", with_plan[4]},
          {"spread", (with_plan[8] - with_plan[0]) / with_plan[4]},
          {"stream_ms", ms[4]}};
}

}  // namespace

int main(int argc, char** argv) {
  comm::World world(argc, argv);
  try {
    const data::FrameSet frames = plain_frames(argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 1'000'000);
    comm::GpuReducer gpus(world, comm::choose_gpu(world, false), 60);
    for (comm::GpuReducer* way : {&gpus, static_cast<comm::GpuReducer*>(nullptr)}) {
      const auto result = measure(world, frames, way);
      if (world.is_root()) std::cout << result.dump() << std::endl;
    }
  } catch (const std::exception& error) {
    world.abort(error.what(), 1);
  }
  return 0;
}
