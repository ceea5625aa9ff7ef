/// Writes one file of each kind, for readers outside (h5py), and is killed while it writes.
///   store_probe samples <folder>          events.h5, frames.h5, checkpoints/ from the tests' made-up recordings
///   store_probe kill <folder>             the last rank kills itself while it writes events.h5
///   store_probe save <folder>             saves checkpoints until it is killed
///   store_probe verify <folder>           every checkpoint that is listed as good must be good; one more can be saved
#include <csignal>
#include <iostream>
#include <numeric>

#include "dltonic/comm/world.h"
#include "dltonic/core/error.h"
#include "dltonic/core/log.h"
#include "dltonic/store/checkpoint_store.h"
#include "mpi/store/store_support.h"

using namespace dltonic;

namespace {

constexpr std::uint32_t kRecordings = 12, kSamples = 30;

/// Goes on where a killed job left something.
void write_events(comm::World& world, const std::filesystem::path& path, bool die) {
  auto writer = store::EventFileWriter::go_on(world, path, test::event_info().settings);
  if (!writer)
    writer = std::make_unique<store::EventFileWriter>(world, path, test::event_info(), test::event_table(kRecordings));
  const auto share = comm::share_of(kRecordings, world.rank(), world.size());
  for (std::uint64_t i = share.first; i < share.first + share.count; ++i) {
    if (!writer->was_written(i)) writer->write(i, test::made_recording(static_cast<std::uint32_t>(i)).events);
    if (die && i == share.first + 1 && world.rank() == world.size() - 1) ::raise(SIGKILL);
  }
  writer->finish();
}

void write_frames(comm::World& world, const std::filesystem::path& path) {
  const auto share = comm::share_of(kSamples, world.rank(), world.size());
  BitMatrix rows(share.count, 70);
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> recording;
  for (std::uint64_t i = 0; i < share.count; ++i) {
    const auto sample = static_cast<std::uint32_t>(share.first + i);
    rows.set(i, sample);  // row i has bits i and 69, as h5py_test.py expects
    rows.set(i, 69);
    labels.push_back(static_cast<std::uint16_t>(sample % 3));
    recording.push_back(sample % kRecordings);
  }
  store::write_frame_file(world, path, test::frame_info(kRecordings), rows, labels, recording);
}

void save_checkpoint(comm::World& world, const std::filesystem::path& folder, std::int64_t step, std::size_t elements) {
  std::vector<float> logits(elements);
  std::iota(logits.begin(), logits.end(), 0.5f);
  const std::vector<TensorView> state{{"layer0/logits", DType::f32, {elements / 4, 4}, logits.data()},
                                      {"step", DType::i64, {}, &step}};
  store::CheckpointStore(folder).save(world, step, state, {{"config", R"({"train":{"epochs":5}})"}});
}

void verify(comm::World& world, const std::filesystem::path& folder) {
  const store::CheckpointStore checkpoints(folder);
  world.agree("verifying", [&] {
    std::size_t good = 0;
    for (const auto& entry : checkpoints.list()) {
      const std::string fault = store::CheckpointStore::verify(entry.path);
      if (!fault.empty()) throw StorageError(entry.name + ": " + fault);
      ++good;
    }
    if (world.is_root())
      std::cout << good << " good checkpoints, leftovers: "
                << (std::filesystem::exists(folder) ? test::names_in(folder).size() - good : 0) << "\n";
  });
  save_checkpoint(world, folder, 1000000, 400);
  world.agree("verifying", [&] {
    for (const std::string& name : test::names_in(folder)) {
      if (name.ends_with(".part")) throw StorageError("left over: " + name);
    }
    if (checkpoints.list().empty() || checkpoints.list()[0].step != 1000000)
      throw StorageError("the new checkpoint is not the newest");
  });
}

}  // namespace

int main(int argc, char** argv) {
  comm::World world(argc, argv);
  if (argc != 3) return 2;
  const std::string what = argv[1];
  const std::filesystem::path folder = argv[2];
  try {
    if (what == "samples") {
      write_events(world, folder / "events.h5", false);
      write_frames(world, folder / "frames.h5");
      save_checkpoint(world, folder / "checkpoints", 7, 1000000);  // 4 MB: a part of every rank
    } else if (what == "kill") {
      write_events(world, folder / "events.h5", true);
    } else if (what == "save") {
      for (std::int64_t step = 0;; ++step) save_checkpoint(world, folder / "checkpoints", step, 2000000);
    } else if (what == "verify") {
      verify(world, folder / "checkpoints");
    }
  } catch (const Error& error) {
    if (!error.agreed()) world.abort(error.what(), error.exit_code());
    if (world.is_root()) log::error(error.what());
    return error.exit_code();
  }
  return 0;
}
