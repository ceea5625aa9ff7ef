/// Recordings in archives: the same recordings as in folders; what is wrong with an archive is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/events/archive.h"
#include "dltonic/events/source.h"
#include "support/archives.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;
using test::make_7z;
using test::make_tar;
using test::make_zip;
using test::members_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

const fs::path kTree = fs::path(DLTONIC_FIXTURES) / "events_nmnist";

class Archives : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_ / "root"); }
  void TearDown() override { fs::remove_all(folder_); }

  SourceOptions options(const fs::path& root) const {
    SourceOptions options;
    options.root = root.string();
    options.layout = "nmnist";
    options.unpacked = folder_ / "unpacked";
    return options;
  }
  /// As prepare does it.
  std::unique_ptr<RecordingSource> source(const fs::path& root) const {
    for (const fs::path& archive : archives_to_unpack(root)) unpack(archive, folder_ / "unpacked" / unpacked_name(archive));
    return make_source(options(root));
  }
  std::string fault(const fs::path& root) const {
    try {
      const auto found = source(root);
      Recording recording;
      for (std::size_t i = 0; i < found->size(); ++i) found->read(i, recording);
    } catch (const Error& error) {
      return error_kind(error) + ": " + error.what();
    }
    return "no Error";
  }
  void expect_same_as_folder(const fs::path& root) const {
    const auto there = make_source(options(kTree)), here = source(root);
    ASSERT_EQ(here->size(), there->size());
    EXPECT_EQ(here->fingerprint(), there->fingerprint());
    EXPECT_EQ(here->content_hash(), there->content_hash());
    Recording a, b;
    for (std::size_t i = 0; i < here->size(); ++i) {
      there->read(i, a);
      here->read(i, b);
      EXPECT_EQ(a.source, b.source);
      EXPECT_EQ(a.events.t, b.events.t);
      EXPECT_EQ(a.events.x, b.events.x);
    }
  }

  fs::path folder_ = fs::temp_directory_path() / ("dltonic_archives_" + std::to_string(::getpid()));
  fs::path root_ = folder_ / "root";
};

TEST_F(Archives, TwoZipsSideBySideAreOneTree) {
  make_zip(root_ / "Train.zip", members_of(kTree / "Train", "Train/"));
  make_zip(root_ / "Test.zip", members_of(kTree / "Test", "Test/"));
  write_file_atomic(root_ / "ReadMe.txt", "no recording");
  expect_same_as_folder(root_);
}

TEST_F(Archives, AnArchiveMayBeTheRootAndHoldAFolderMore) {
  make_zip(folder_ / "all.zip", members_of(kTree, "N-MNIST/"));
  auto there = make_source(options(kTree));
  auto here = source(folder_ / "all.zip");
  ASSERT_EQ(here->size(), there->size());
  EXPECT_EQ(here->item(7).name, "N-MNIST/" + there->item(7).name);
}

TEST_F(Archives, NamesMayBeginWithADot) {
  make_zip(folder_ / "dot.zip", members_of(kTree, "./"));
  expect_same_as_folder(folder_ / "dot.zip");
  make_tar(folder_ / "dot.tar.gz", members_of(kTree, "./"), true);
  expect_same_as_folder(folder_ / "dot.tar.gz");
}

TEST_F(Archives, TarsAreUnpackedOnce) {
  for (const char* name : {"all.tar", "all.tar.gz", "all.tgz"}) {
    const fs::path archive = folder_ / name;
    make_tar(archive, members_of(kTree), fs::path(name).extension() != ".tar");
    EXPECT_THROW(make_source(options(archive)), DataError);
    expect_same_as_folder(archive);
    EXPECT_TRUE(fs::exists(folder_ / "unpacked" / unpacked_name(archive) / "Train"));
  }
}

TEST_F(Archives, ArchivesWithinAnArchiveAreUnpackedOnceAndReadInPlace) {
  make_zip(folder_ / "Train.zip", members_of(kTree / "Train", "Train/"));
  make_zip(folder_ / "Test.zip", members_of(kTree / "Test", "Test/"));
  make_zip(root_ / "both.zip",
           {{"Train.zip", read_text(folder_ / "Train.zip")}, {"Test.zip", read_text(folder_ / "Test.zip")}});
  expect_same_as_folder(root_);
}

TEST_F(Archives, ASevenZipIsUnpackedAlsoWithinAZip) {
  make_7z(folder_ / "all.7z", members_of(kTree));
  expect_same_as_folder(folder_ / "all.7z");
  make_zip(root_ / "download.zip", {{"all.7z", read_text(folder_ / "all.7z")}, {"ReadMe.txt", "no recording"}});
  expect_same_as_folder(root_);
  make_zip(root_ / "download.zip", {{"as published/all.7z", read_text(folder_ / "all.7z")}});
  EXPECT_EQ(source(root_)->item(7).name, "as published/" + make_source(options(kTree))->item(7).name);
}

TEST_F(Archives, ADamagedSevenZipIsNamedAndLeavesNothing) {
  const fs::path archive = root_ / "all.7z";
  make_7z(archive, members_of(kTree));
  const std::string whole = read_text(archive);
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 1);
  for (const std::string& content : {whole.substr(0, whole.size() / 2), flipped, std::string("no archive")}) {
    write_file_atomic(archive, content);
    EXPECT_THAT(fault(root_), AllOf(HasSubstr("DataError: "), HasSubstr("all.7z"), HasSubstr("download it again")));
    EXPECT_TRUE(!fs::exists(folder_ / "unpacked") || fs::is_empty(folder_ / "unpacked"));
  }
}

TEST_F(Archives, FilesOfAFolderGoBeforeThoseOfAnArchive) {
  fs::copy(kTree, root_, fs::copy_options::recursive);
  make_zip(root_ / "Train.zip", members_of(kTree / "Train", "Train/"));
  expect_same_as_folder(root_);
}

TEST_F(Archives, ManyThreadsReadOneZip) {
  constexpr int kRounds = 50;  // threads pass libzip's handles on to each other: a mistake there shows in one round of forty
  make_zip(root_ / "all.zip", members_of(kTree));
  const auto found = source(root_);
  std::vector<std::uint64_t> events(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < events.size(); ++t) {
    threads.emplace_back([&, t] {
      RecordingSource::Scratch scratch;
      for (int round = 0; round < kRounds; ++round) {
        for (std::size_t unit = 0; unit < found->units().size(); ++unit)
          found->read_unit(unit, scratch,
                           [&](std::size_t, const Recording& recording) { events[t] += recording.events.size(); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(events, std::vector<std::uint64_t>(4, kRounds * 11391));
}

TEST_F(Archives, NamesThatLeadOutAreRefused) {
  for (const std::string name : {"../evil.bin", "Train/../../evil.bin", "/etc/evil.bin"}) {
    make_zip(folder_ / "evil.zip", {{"Train/0/1.bin", "abcde"}, {name, "abcde"}});
    EXPECT_THAT(fault(folder_ / "evil.zip"),
                AllOf(HasSubstr("DataError"), HasSubstr("evil.zip, member " + name), HasSubstr("leads out")));
    make_tar(folder_ / "evil.tar.gz", {{"Train/0/1.bin", "abcde"}, {name, "abcde"}}, true);
    EXPECT_THAT(fault(folder_ / "evil.tar.gz"),
                AllOf(HasSubstr("DataError"), HasSubstr("evil.tar.gz, member " + name), HasSubstr("leads out")));
    EXPECT_FALSE(fs::exists(folder_ / "unpacked" / (unpacked_name(folder_ / "evil.tar.gz") + ".part")));
  }
  EXPECT_FALSE(fs::exists(folder_ / "evil.bin"));
}

TEST_F(Archives, EncryptedMembersAreNamed) {
  make_zip(root_ / "locked.zip", {{"Train/0/1.bin", "abcde"}}, true);
  EXPECT_THAT(fault(root_), AllOf(HasSubstr("locked.zip, member Train/0/1.bin"), HasSubstr("encrypted")));
}

TEST_F(Archives, DamageIsNamed) {
  make_zip(root_ / "all.zip", members_of(kTree));
  const std::string whole = read_text(root_ / "all.zip");
  write_file_atomic(root_ / "all.zip", whole.substr(0, whole.size() / 2));
  EXPECT_THAT(fault(root_), AllOf(HasSubstr("DataError"), HasSubstr("all.zip"), HasSubstr("cut or no zip archive")));
  std::string flipped = whole;
  const std::size_t at = flipped.find("PK\1\2") / 3;  // within the members' data
  flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
  write_file_atomic(root_ / "all.zip", flipped);
  EXPECT_THAT(fault(root_),
              AllOf(HasSubstr("DataError"), HasSubstr("all.zip, member T"), HasSubstr("damaged, download it again")));
  write_file_atomic(root_ / "all.zip", "no archive at all");
  EXPECT_THAT(fault(root_), HasSubstr("cut or no zip archive"));
}

TEST_F(Archives, DamagedTarsAreNamedAndLeaveNothing) {
  const fs::path archive = folder_ / "all.tar.gz";
  make_tar(archive, members_of(kTree), true);
  const std::string whole = read_text(archive);
  std::string flipped = whole, crc = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 0x10);
  crc[crc.size() - 6] = static_cast<char>(crc[crc.size() - 6] ^ 0x10);  // the checksum itself
  for (const std::string& content :
       {whole.substr(0, whole.size() / 2), whole.substr(0, whole.size() - 3), flipped, crc, std::string("text")}) {
    write_file_atomic(archive, content);
    EXPECT_THAT(fault(archive),
                AllOf(HasSubstr("DataError"), HasSubstr("all.tar.gz"), HasSubstr("damaged, download it again")));
    EXPECT_TRUE(!fs::exists(folder_ / "unpacked") || fs::is_empty(folder_ / "unpacked"));
  }
}

TEST_F(Archives, ASizeThatNoCompressionReachesIsRefused) {
  make_zip(root_ / "bomb.zip", {{"Train/0/1.bin", std::string(5000, 'a')}});
  std::string bytes = read_text(root_ / "bomb.zip");
  const std::size_t entry = bytes.find("PK\1\2");
  for (int i = 0; i < 4; ++i)
    bytes[entry + 24 + static_cast<std::size_t>(i)] = static_cast<char>(i == 3 ? 0x10 : 0xff);  // size: 0x10ffffff
  write_file_atomic(root_ / "bomb.zip", bytes);
  EXPECT_THAT(fault(root_),
              AllOf(HasSubstr("bomb.zip, member Train/0/1.bin"), HasSubstr("285212671 bytes"), HasSubstr("impossible")));
}

TEST_F(Archives, WhatAKilledJobLeftIsRemoved) {
  const fs::path archive = folder_ / "all.tar";
  make_tar(archive, members_of(kTree), false);
  const fs::path part = folder_ / "unpacked" / (unpacked_name(archive) + ".part");
  fs::create_directories(part / "Train" / "0");
  write_file_atomic(part / "Train" / "0" / "half.bin", "hal");
  expect_same_as_folder(archive);
  EXPECT_FALSE(fs::exists(part));
}

}  // namespace
}  // namespace dltonic::events
