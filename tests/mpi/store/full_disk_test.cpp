/// A full disk, acted by the file size limit of the process: ends in an agreed error, with both numbers, and leaves nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/staging.h"
#include "mpi/store/store_support.h"
#include "store/parallel_file.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    struct rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  struct rlimit before_ {};
};

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const StorageError& error) {
    EXPECT_TRUE(error.agreed());
    return error.what();
  }
  return "no StorageError";
}

}  // namespace

TEST(FullDisk, EventsEndWithBothNumbers) {
  const auto folder = test::shared_folder();
  const FileSizeLimit limit(8 << 20);
  const auto text = message([&] {
    std::vector<store::RecordingInfo> table(3);
    for (auto& row : table) row.events = 1000000;
    store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table);
  });
  EXPECT_THAT(text, AllOf(HasSubstr("e.h5"), HasSubstr("needs"), HasSubstr("8,388,608")));
  world().barrier();
  EXPECT_THAT(test::names_in(folder), IsEmpty());
}

TEST(FullDisk, FramesAndCheckpointsToo) {
  const auto folder = test::shared_folder();
  const FileSizeLimit limit(2 << 20);
  const BitMatrix rows(200000, 70);
  const std::vector<std::uint16_t> labels(rows.rows(), 0);
  const std::vector<std::uint32_t> recording(rows.rows(), 0);
  EXPECT_THAT(message([&] { store::write_frame_file(world(), folder / "f.h5", test::frame_info(1), rows, labels, recording); }),
              HasSubstr("2,097,152"));

  store::CheckpointStore checkpoints(folder / "checkpoints");
  std::vector<float> weights(1000000);
  const std::vector<TensorView> state{{"w", DType::f32, {weights.size()}, weights.data()}};
  EXPECT_THAT(message([&] { checkpoints.save(world(), 1, state, {}); }), HasSubstr("2,097,152"));
  world().barrier();
  EXPECT_THAT(test::names_in(folder), testing::ElementsAre("checkpoints"));
  EXPECT_THAT(test::names_in(folder / "checkpoints"), IsEmpty());
}

TEST(FullDisk, ACheckpointOfWhichOneRankMayWriteNothingIsOneLineToo) {
  const auto folder = test::shared_folder();
  store::CheckpointStore checkpoints(folder / "checkpoints");
  std::vector<float> weights(1000000);
  const std::vector<TensorView> state{{"w", DType::f32, {weights.size()}, weights.data()}};
  for (const int rank : {0, world().size() - 1}) {
    {
      const FileSizeLimit limit(world().rank() == rank ? 0 : RLIM_INFINITY);
      const auto text = message([&] { checkpoints.save(world(), 1, state, {}); });
      EXPECT_THAT(text, AllOf(HasSubstr("file size limit"), HasSubstr("state.h5 needs"), testing::Not(HasSubstr("\n"))));
    }
    world().barrier();
    EXPECT_THAT(test::names_in(folder / "checkpoints"), IsEmpty());
    world().barrier();  // the next save makes its folder
  }
  EXPECT_EQ(store::CheckpointStore::verify(checkpoints.save(world(), 2, state, {})), "");
}

TEST(FullDisk, AWriteThatFailsAllTheSameIsAgreed) {
  // Space that was free when it was looked for is taken by somebody else: only the last rank hits the limit, in the write.
  const auto folder = test::shared_folder();
  const bool last = world().rank() == world().size() - 1;
  {
    store::ParallelFile file(world(), folder / "e.h5");
    const std::uint64_t rows = 4000000;
    const auto dataset = file.create("/x", store::h5::file_type<float>(), {rows});
    const std::vector<float> values(rows, 1.0f);
    const auto share = comm::share_of(rows, world().rank(), world().size());
    const FileSizeLimit limit(last ? 1 << 20 : RLIM_INFINITY);
    EXPECT_THAT(message([&] { file.write(dataset, store::h5::memory_type<float>(), share.first, share.count, values.data()); }),
                AllOf(HasSubstr("cannot write /x in"), HasSubstr("e.h5")));
  }
  world().barrier();
  EXPECT_THAT(test::names_in(folder), IsEmpty());
  EXPECT_EQ(world().sum(std::int64_t{1}), world().size());
}

TEST(FullDisk, StagingSaysIt) {
  const auto folder = test::shared_folder();
  if (world().is_root()) write_file_atomic(folder / "f.h5", std::string(3 << 20, 'x'));
  world().barrier();
  const FileSizeLimit limit(1 << 20);
  EXPECT_THAT(message([&] { store::stage_file(world(), folder / "f.h5", folder / "scratch" / "f.h5"); }),
              AllOf(HasSubstr("3,145,728 bytes"), HasSubstr("1,048,576")));
  EXPECT_THAT(test::names_in(folder / "scratch"), IsEmpty());
}
