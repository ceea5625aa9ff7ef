#include "dltonic/store/frame_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "mpi/store/store_support.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

constexpr std::size_t kSamples = 101, kRecordings = 9;

/// This rank's rows of the 101; with `lonely` the last rank has all of them.
struct Block {
  explicit Block(bool lonely = false) {
    const bool last = world().rank() == world().size() - 1;
    const auto share = lonely ? (last ? comm::Share{0, kSamples} : comm::Share{0, 0})
                              : comm::share_of(kSamples, world().rank(), world().size());
    if (share.count > 0) rows.reset(share.count, 70);
    for (std::uint64_t i = 0; i < share.count; ++i) {
      const auto sample = static_cast<std::uint32_t>(share.first + i);
      test::fill_row(rows, i, sample);
      labels.push_back(static_cast<std::uint16_t>(sample % 3));
      recording.push_back(sample % kRecordings);
    }
  }
  void write(const std::filesystem::path& path) const {
    auto info = test::frame_info(kRecordings);
    if (!world().is_root()) info.recordings.clear();  // root's table counts
    store::write_frame_file(world(), path, info, rows, labels, recording);
  }
  BitMatrix rows;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> recording;
};

std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

}  // namespace

TEST(FrameFile, HoldsEveryRowOnAnyNumberOfRanks) {
  const auto folder = test::shared_folder();
  for (const bool lonely : {false, true}) {
    Block(lonely).write(folder / "f.h5");
    const store::FrameFileReader reader(folder / "f.h5");
    ASSERT_EQ(reader.samples(), kSamples);
    ASSERT_EQ(reader.row_words(), 2u);
    EXPECT_EQ(reader.info().features(), 70u);
    EXPECT_EQ(reader.info().classes, test::frame_info(0).classes);
    EXPECT_EQ(reader.key(), sha256_hex(test::frame_info(0).settings));
    EXPECT_EQ(reader.info().thresholds, test::frame_info(0).thresholds);
    ASSERT_EQ(reader.info().recordings.size(), kRecordings);
    EXPECT_EQ(reader.info().recordings[8].source, test::made_recording(8).source);
    EXPECT_EQ(reader.info().recordings[4].t_offset, test::made_recording(4).t_offset);
    BitMatrix expected(kSamples, 70), rows;
    for (std::uint32_t i = 0; i < kSamples; ++i) {
      test::fill_row(expected, i, i);
      EXPECT_EQ(reader.labels()[i], i % 3);
      EXPECT_EQ(reader.recording()[i], i % kRecordings);
    }
    reader.read_rows(0, kSamples, rows);
    EXPECT_EQ(rows, expected);
    reader.read_rows(77, 1, rows);
    EXPECT_EQ(rows.row(0)[0], expected.row(77)[0]);
    reader.read_rows(kSamples, 0, rows);
    EXPECT_EQ(rows.rows(), 0u);
    EXPECT_THROW(reader.read_rows(kSamples, 1, rows), std::out_of_range);
    world().barrier();
  }
  EXPECT_THAT(test::names_in(folder), ElementsAre("f.h5"));
}

TEST(FrameFile, ManyThreadsReadAtOnce) {
  const auto folder = test::shared_folder();
  Block().write(folder / "f.h5");
  const store::FrameFileReader reader(folder / "f.h5");
  BitMatrix all;
  reader.read_rows(0, kSamples, all);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < 4; ++k) {
    threads.emplace_back([&, k] {
      BitMatrix one;
      for (std::size_t i = 0; i < 500; ++i) {
        const std::size_t row = (i * 7 + k) % kSamples;
        reader.read_rows(row, 1, one);
        if (one.row(0)[0] != all.row(row)[0] || one.row(0)[1] != all.row(row)[1]) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(FrameFile, RefusesBlocksThatDoNotFit) {
  const auto folder = test::shared_folder();
  const auto path = folder / "f.h5";
  const bool last = world().rank() == world().size() - 1;
  Block few;
  if (last) few.labels.pop_back();
  EXPECT_THAT(message([&] { few.write(path); }), HasSubstr("labels"));
  Block wide;
  if (last) wide.rows.reset(wide.labels.size(), 71);
  EXPECT_THAT(message([&] { wide.write(path); }), HasSubstr("71 bits, 2 x 5 x 7 = 70 expected"));
  Block odd;
  if (last) odd.labels[0] = 3;
  EXPECT_THAT(message([&] { odd.write(path); }), HasSubstr("label 3, there are 3 classes"));
  Block lost;
  if (last) lost.recording[0] = kRecordings;
  EXPECT_THAT(message([&] { lost.write(path); }), HasSubstr("recording 9, there are 9"));
  EXPECT_THAT(message([&] { store::write_frame_file(world(), path, test::frame_info(1), {}, {}, {}); }), HasSubstr("no frame"));
  EXPECT_TRUE(test::names_in(folder).empty());
}

TEST(FrameFile, DamageIsNamed) {
  const auto folder = test::shared_folder();
  const auto path = folder / "f.h5";
  Block().write(path);
  if (!world().is_root()) return;
  const auto bytes = std::filesystem::file_size(path);
  const store::FrameFileReader open_before(path);
  std::filesystem::resize_file(path, bytes - 3000);
  EXPECT_THAT(message([&] { store::FrameFileReader reader(path); }),
              AllOf(HasSubstr("f.h5 is damaged"), HasSubstr(cat("has ", bytes - 3000, " bytes, ", bytes, " expected")),
                    HasSubstr("run prepare again")));
  std::filesystem::resize_file(path, 2048);
  BitMatrix rows;
  EXPECT_THAT(message([&] { open_before.read_rows(0, kSamples, rows); }), HasSubstr("it has 2048 bytes"));
}

TEST(FrameFile, AnEventsFileIsNoFramesFile) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), {});
  writer.finish();
  EXPECT_THAT(message([&] { store::FrameFileReader reader(folder / "e.h5"); }),
              HasSubstr("holds 'dltonic.events', not 'dltonic.frames'"));
}

TEST(FrameFile, OtherSettingsAreNamed) {
  const auto folder = test::shared_folder();
  Block().write(folder / "f.h5");
  const store::FrameFileReader reader(folder / "f.h5");
  EXPECT_NO_THROW(reader.expect_settings(test::frame_info(0).settings));
  EXPECT_THAT(message([&] { reader.expect_settings(R"({"frames":{"bins":15,"polarity":"kept"},"source":"abc123"})"); }),
              AllOf(HasSubstr("frames.bins: 10 in the file, 15 wanted"), testing::Not(HasSubstr("polarity"))));
}
