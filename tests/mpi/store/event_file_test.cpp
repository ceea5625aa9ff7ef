#include "dltonic/store/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "mpi/store/store_support.h"
#include "store/parallel_file.h"
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

/// Writes recordings 0 … 22 in two rounds, each round shared by the ranks; the same file content for any number of ranks.
void write_events(const std::filesystem::path& path, const store::EventFileOptions& options = {}) {
  store::EventFileWriter writer(world(), path, test::event_info(), options);
  for (const auto& [first, count] : {std::pair<std::uint32_t, std::uint32_t>{0, 2}, {2, 21}}) {
    const auto share = comm::share_of(count, world().rank(), world().size());  // of the first round two ranks have none
    std::vector<events::Recording> mine;
    for (std::uint64_t i = 0; i < share.count; ++i)
      mine.push_back(made_recording(static_cast<std::uint32_t>(first + share.first + i)));
    writer.append(mine);
  }
  EXPECT_EQ(writer.recordings(), kRecordings);
  writer.finish();
}

}  // namespace

TEST(EventFile, HoldsEveryRecordingInOrderOnAnyNumberOfRanks) {
  const auto folder = test::shared_folder();
  for (const auto& [name, options] :
       {std::pair<const char*, store::EventFileOptions>{"plain.h5", {}}, {"small.h5", {0, 5000}}, {"gzip.h5", {4, 100000}}}) {
    write_events(folder / name, options);
    const store::EventFileReader reader(folder / name);
    ASSERT_EQ(reader.recordings().size(), kRecordings);
    EXPECT_EQ(reader.info().classes, test::event_info().classes);
    EXPECT_EQ(reader.info().source_hash, "abc123");
    EXPECT_EQ(reader.key(), sha256_hex(test::event_info().settings));
    events::Recording recording;
    for (std::uint32_t i = 0; i < kRecordings; ++i) {
      reader.read(i, recording);
      EXPECT_TRUE(test::same(recording, made_recording(i))) << name << ", recording " << i;
    }
    const auto some = reader.read(5, 3);
    ASSERT_EQ(some.size(), 3u);
    EXPECT_TRUE(test::same(some[2], made_recording(7)));
    EXPECT_THROW(reader.read(kRecordings, recording), std::out_of_range);
    world().barrier();
  }
  EXPECT_EQ(test::names_in(folder).size(), 3u);  // no .part left
}

TEST(EventFile, LongBlocksGoInPieces) {
  const auto folder = test::shared_folder();
  const auto before = store::ParallelFile::piece_bytes;
  store::ParallelFile::piece_bytes = 3000;
  write_events(folder / "e.h5");
  store::ParallelFile::piece_bytes = before;
  const store::EventFileReader reader(folder / "e.h5");
  events::Recording recording;
  for (std::uint32_t i = 0; i < kRecordings; ++i) {
    reader.read(i, recording);
    EXPECT_TRUE(test::same(recording, made_recording(i)));
  }
}

TEST(EventFile, MayBeEmpty) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info());
  writer.append({});
  writer.finish();
  EXPECT_THAT(store::EventFileReader(folder / "e.h5").recordings(), IsEmpty());
}

TEST(EventFile, AnUnfinishedWriterLeavesNothing) {
  const auto folder = test::shared_folder();
  {
    store::EventFileWriter writer(world(), folder / "e.h5", test::event_info());
    writer.append({});
  }
  world().barrier();
  EXPECT_THAT(test::names_in(folder), IsEmpty());
}

TEST(EventFile, AFaultOnOneRankLeavesNothingAndIsEverybodys) {
  const auto folder = test::shared_folder();
  store::EventFileWriter writer(world(), folder / "e.h5", test::event_info());
  std::vector<events::Recording> mine(1, made_recording(0));
  if (world().rank() == world().size() - 1) mine[0].events.x.pop_back();
  EXPECT_THROW(writer.append(mine), DataError);
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
    store::EventFileWriter writer(world(), folder / "file" / "e.h5", test::event_info());
    FAIL() << "nothing was thrown";
  } catch (const StorageError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), AllOf(HasSubstr("cannot create folder"), HasSubstr("file")));
  }
}

TEST(EventFile, AColonInThePathIsRefused) {
  const auto path = test::shared_folder() / "a:b.h5";
  try {
    store::EventFileWriter writer(world(), path, test::event_info());
    FAIL() << "nothing was thrown";
  } catch (const StorageError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("a:b.h5"), HasSubstr("path without")));
  }
}

TEST(EventFile, DamageIsNamed) {
  const auto folder = test::shared_folder();
  write_events(folder / "e.h5", {0, 5000});
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
