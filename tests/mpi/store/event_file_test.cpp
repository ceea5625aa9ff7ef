#include "dltonic/store/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "mpi/store/store_support.h"
#include "store/h5.h"
#include "store/state_file.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::made_recording;
using test::world;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

constexpr std::uint32_t kRecordings = 23;

std::vector<store::RecordingInfo> table() { return test::event_table(kRecordings); }

/// Recordings that are not there yet, each by one rank, the last first. Up to `most` by each rank.
void write_missing(store::EventFileWriter& writer, std::uint32_t most = kRecordings) {
  for (std::uint32_t i = kRecordings, mine = 0; i-- > 0 && mine < most;) {
    if (i % static_cast<std::uint32_t>(world().size()) != static_cast<std::uint32_t>(world().rank())) continue;
    if (writer.was_written(i)) continue;
    writer.write(i, made_recording(i).events);
    ++mine;
  }
}

void write_events(const std::filesystem::path& path) {
  store::EventFileWriter writer(world(), path, test::event_info(), table());
  EXPECT_EQ(writer.recordings().size(), kRecordings);
  write_missing(writer);
  writer.finish();
}

void expect_all(const std::filesystem::path& path) {
  const store::EventFileReader reader(path);
  ASSERT_EQ(reader.recordings().size(), kRecordings);
  events::Recording recording;
  for (std::uint32_t i = 0; i < kRecordings; ++i) {
    reader.read(i, recording);
    EXPECT_TRUE(test::same(recording, made_recording(i))) << "recording " << i;
  }
}

/// What a killed job leaves: its folder under the name of a process that is gone.
std::filesystem::path as_of_a_killed_job(const std::filesystem::path& path) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  const auto left = std::filesystem::path(cat(path.string(), ".", host, "-2000000000.part"));
  if (world().is_root()) {
    for (const auto& entry : std::filesystem::directory_iterator(path.parent_path())) {
      if (entry.path().string().ends_with(".part")) std::filesystem::rename(entry.path(), left);
    }
  }
  world().barrier();
  return left;
}

/// As h5repack does it.
void put_in_chunks(const std::filesystem::path& path, const char* name) {
  const store::h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  store::h5::Handle old(H5Dopen2(file.get(), name, H5P_DEFAULT), H5Dclose);
  const store::h5::Handle type(H5Dget_type(old.get()), H5Tclose), space(H5Dget_space(old.get()), H5Sclose);
  std::vector<std::byte> bytes(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())) * H5Tget_size(type.get()));
  ASSERT_GE(H5Dread(old.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
  old.reset();
  ASSERT_GE(H5Ldelete(file.get(), name, H5P_DEFAULT), 0);
  const store::h5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  const hsize_t chunk = 1000;
  H5Pset_chunk(creation.get(), 1, &chunk);
  H5Pset_deflate(creation.get(), 1);
  const store::h5::Handle now(H5Dcreate2(file.get(), name, type.get(), space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                              H5Dclose);
  ASSERT_GE(H5Dwrite(now.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), 0);
}

}  // namespace

TEST(EventFile, HoldsEveryRecordingInOrderOnAnyNumberOfRanks) {
  const auto folder = test::shared_folder();
  write_events(folder / "e.h5");
  const store::EventFileReader reader(folder / "e.h5");
  EXPECT_EQ(reader.info().classes, test::event_info().classes);
  EXPECT_EQ(reader.info().source_hash, "abc123");
  EXPECT_THAT(reader.info().skipped, ElementsAre("Train/7/x.bin: cut"));
  EXPECT_EQ(reader.key(), sha256_hex(test::event_info().settings));
  expect_all(folder / "e.h5");
  const auto some = reader.read(5, 3);
  ASSERT_EQ(some.size(), 3u);
  EXPECT_TRUE(test::same(some[2], made_recording(7)));
  events::Recording recording;
  EXPECT_THROW(reader.read(kRecordings, recording), std::out_of_range);
  world().barrier();
  EXPECT_EQ(test::names_in(folder).size(), 1u);  // no .part left
}

TEST(EventFile, GoesOnWithWhatAKilledJobLeft) {
  const auto folder = test::shared_folder();
  {
    store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table());
    write_missing(writer, 3);
    writer.leave();
  }
  world().barrier();
  const auto left = as_of_a_killed_job(folder / "e.h5");
  // Of one recording the mark came to the disk, its events did not.
  const std::uint32_t lost = kRecordings - 1;
  if (world().is_root()) {
    const store::EventFileReader reader(left / "events.h5");
    const auto t_ends_at =
        std::filesystem::file_size(left / "events.h5") - reader.events();  // p is last, its last events are zeroed
    std::fstream file(left / "events.h5", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(t_ends_at + reader.events() - 20));
    file.write(std::string(20, '\3').data(), 20);
  }
  world().barrier();
  EXPECT_EQ(store::EventFileWriter::go_on(world(), folder / "other.h5", test::event_info().settings), nullptr);
  const auto writer = store::EventFileWriter::go_on(world(), folder / "e.h5", test::event_info().settings);
  ASSERT_NE(writer, nullptr);
  EXPECT_FALSE(writer->was_written(lost));
  std::uint32_t there = 0;
  for (std::uint32_t i = 0; i < kRecordings; ++i) there += writer->was_written(i) ? 1 : 0;
  EXPECT_EQ(there, 3u * static_cast<std::uint32_t>(world().size()) - 1);
  write_missing(*writer);
  writer->finish();
  expect_all(folder / "e.h5");
  world().barrier();
  EXPECT_THAT(test::names_in(folder), ElementsAre("e.h5"));
}

TEST(EventFile, WhatOtherSettingsLeftIsNotGoneOnFrom) {
  const auto folder = test::shared_folder();
  {
    store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table());
    writer.leave();
  }
  world().barrier();
  as_of_a_killed_job(folder / "e.h5");
  EXPECT_EQ(store::EventFileWriter::go_on(world(), folder / "e.h5", R"({"format":"dat"})"), nullptr);
  world().barrier();
  EXPECT_THAT(test::names_in(folder), IsEmpty());
}

TEST(EventFile, WhatIsMissingIsCounted) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table());
  write_missing(writer, 1);
  try {
    writer.finish();
    FAIL() << "nothing was thrown";
  } catch (const StorageError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), HasSubstr(cat(world().size(), " recordings were written, 23 expected")));
  }
}

TEST(EventFile, MayBeRepackedInChunksAndIsReadBesideASave) {
  const auto folder = test::shared_folder();
  write_events(folder / "e.h5");
  world().barrier();
  if (world().is_root()) {
    for (const char* name : {"/events/x", "/events/y", "/events/t", "/events/p"}) put_in_chunks(folder / "e.h5", name);
    const store::EventFileReader reader(folder / "e.h5");
    std::atomic<bool> over{false};
    std::thread saves([&] {
      std::vector<float> weights(1000);
      const TensorView view{"w", DType::f32, {weights.size()}, weights.data()};
      while (!over) store::lay_out_state(folder / "state.h5", 1, {&view, 1});
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        events::Recording recording;
        for (std::uint32_t i = 0; i < 20 * kRecordings; ++i) {
          reader.read(i % kRecordings, recording);
          EXPECT_TRUE(test::same(recording, made_recording(i % kRecordings))) << "recording " << i % kRecordings;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    over = true;
    saves.join();
  }
  world().barrier();
}

TEST(EventFile, MayBeEmpty) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), {});
  writer.finish();
  EXPECT_THAT(store::EventFileReader(folder / "e.h5").recordings(), IsEmpty());
}

TEST(EventFile, AnUnfinishedWriterLeavesNothing) {
  const auto folder = test::shared_folder();
  {
    store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table());
    write_missing(writer, 2);
  }
  world().barrier();
  EXPECT_THAT(test::names_in(folder), IsEmpty());
}

TEST(EventFile, ARecordingThatDoesNotFitItsRowIsNamed) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info(), table());
  auto events = made_recording(5).events;
  events.resize(events.size() - 1);
  EXPECT_THROW(writer.write(5, events), DataError);
  events = made_recording(5).events;
  events.x.pop_back();
  EXPECT_THROW(writer.write(5, events), DataError);
}

TEST(EventFile, RemovesAStalePartAndOverwritesAnOldFile) {
  const auto folder = test::shared_folder();
  if (world().is_root()) {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    write_file_atomic(folder / cat("e.h5.", host, "-2000000000.part"), "left by a killed job");
    write_file_atomic(folder / "e.h5", "old");
  }
  world().barrier();
  write_events(folder / "e.h5");
  EXPECT_EQ(store::EventFileReader(folder / "e.h5").recordings().size(), kRecordings);
  EXPECT_THAT(test::names_in(folder), ElementsAre("e.h5"));
}

TEST(EventFile, TwoJobsMayMakeTheSameFileAtOnce) {
  const auto folder = test::shared_folder();
  const auto others = folder / cat("e.h5.", "elsewhere-17.part");  // another host's, being written just now
  if (world().is_root()) write_file_atomic(others, "half");
  world().barrier();
  write_events(folder / "e.h5");
  EXPECT_THAT(test::names_in(folder), testing::UnorderedElementsAre("e.h5", others.filename().string()));
}

TEST(EventFile, AFolderThatCannotBeMadeIsAnAgreedError) {
  const auto folder = test::shared_folder();
  if (world().is_root()) write_file_atomic(folder / "file", "in the way");
  world().barrier();
  try {
    store::EventFileWriter writer(world(), folder / "file" / "e.h5", test::event_info(), table());
    FAIL() << "nothing was thrown";
  } catch (const StorageError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), AllOf(HasSubstr("cannot create folder"), HasSubstr("file")));
  }
}

TEST(EventFile, AColonInThePathIsRefused) {
  const auto path = test::shared_folder() / "a:b.h5";
  try {
    store::EventFileWriter writer(world(), path, test::event_info(), table());
    FAIL() << "nothing was thrown";
  } catch (const StorageError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("a:b.h5"), HasSubstr("path without")));
  }
}

TEST(EventFile, DamageIsNamed) {
  const auto folder = test::shared_folder();
  write_events(folder / "e.h5");
  if (!world().is_root()) return;
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      const store::EventFileReader reader(path);
      return "opened";
    } catch (const DataError& error) {
      return error.what();
    }
  };
  const auto bytes = std::filesystem::file_size(folder / "e.h5");
  for (const auto cut : {bytes - 1, bytes / 2, std::uintmax_t{3000}}) {
    std::filesystem::copy_file(folder / "e.h5", folder / "cut.h5", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder / "cut.h5", cut);
    EXPECT_THAT(message(folder / "cut.h5"),
                AllOf(HasSubstr("cut.h5 is damaged"), HasSubstr(cat("has ", cut, " bytes, ", bytes, " expected")),
                      HasSubstr("run prepare again")));
  }
  for (const auto cut : {std::uintmax_t{0}, std::uintmax_t{50}}) {
    std::filesystem::resize_file(folder / "cut.h5", cut);
    EXPECT_THAT(message(folder / "cut.h5"), AllOf(HasSubstr("damaged"), HasSubstr(cat(cut, " bytes"))));
  }
  write_file_atomic(folder / "text.h5", std::string(5000, 'x'));
  EXPECT_THAT(message(folder / "text.h5"), HasSubstr("damaged"));
  EXPECT_THAT(message(folder / "none.h5"),
              AllOf(HasSubstr("none.h5"), HasSubstr("No such file"), HasSubstr("run prepare again")));
}

TEST(EventFile, OtherSettingsAreNamed) {
  const auto folder = test::shared_folder();
  write_events(folder / "e.h5");
  const store::EventFileReader reader(folder / "e.h5");
  EXPECT_NO_THROW(reader.expect_settings(test::event_info().settings));
  EXPECT_NO_THROW(reader.expect_settings(R"({"filters": {"denoise_us": 0}, "format": "atis"})"));
  try {
    reader.expect_settings(R"({"format":"atis","filters":{"denoise_us":500,"refractory_us":9}})");
    FAIL() << "nothing was thrown";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("filters.denoise_us: 0 in the file, 500 wanted"),
                                    HasSubstr("filters.refractory_us: not in the file, 9 wanted"), HasSubstr("run prepare")));
  }
}
