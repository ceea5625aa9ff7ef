#include "dltonic/events/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <thread>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"
#include "dltonic/events/frames.h"

namespace dltonic::events {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kFixtures = DLTONIC_FIXTURES;

SourceOptions options_for(const fs::path& root, const std::string& format) {
  SourceOptions options;
  options.root = root.string();
  options.format = format;
  return options;
}

template <class Work>
std::string fault_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error_kind(error) + ": " + error.what();
  }
  return "no Error";
}

/// A copy of the recordings' fixture that a test may damage.
class Tree : public ::testing::Test {
 protected:
  void SetUp() override { fs::copy(kFixtures / "events_nmnist", root_, fs::copy_options::recursive); }
  void TearDown() override { fs::remove_all(root_); }
  std::string fault() const {
    return fault_of([this] { make_source(options_for(root_, "atis")); });
  }
  fs::path root_ = fs::temp_directory_path() / ("dltonic_tree_" + std::to_string(::getpid()));
};

TEST_F(Tree, EveryRecordingIsWhatTheFixturesMakerSays) {
  const auto facts = nlohmann::json::parse(read_text(kFixtures / "events_facts.json")).at("recordings");
  const auto source = make_source(options_for(root_, "atis"));
  ASSERT_EQ(source->size(), facts.size());
  EXPECT_EQ(source->classes(), (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  std::map<std::string, nlohmann::json> fact_of;
  for (const auto& fact : facts) fact_of[fact.at("file")] = fact;
  FrameMaker maker({}, 34, 34);
  Recording recording;
  const auto total = [](const auto& values) { return std::accumulate(values.begin(), values.end(), std::uint64_t{0}); };
  for (std::size_t i = 0; i < source->size(); ++i) {
    source->read(i, recording);
    const auto& fact = fact_of.at(recording.source);
    const Events& events = recording.events;
    EXPECT_EQ(recording.label, fact.at("label"));
    EXPECT_EQ(recording.split, recording.source.starts_with("Train") ? Split::train : Split::test);
    ASSERT_EQ(events.size(), fact.at("events"));
    EXPECT_EQ((std::vector<std::uint32_t>{events.t.front(), events.x.front(), events.y.front(), events.p.front()}),
              fact.at("first").get<std::vector<std::uint32_t>>());
    EXPECT_EQ((std::vector<std::uint32_t>{events.t.back(), events.x.back(), events.y.back(), events.p.back()}),
              fact.at("last").get<std::vector<std::uint32_t>>());
    EXPECT_EQ(recording.duration, events.t.back() - events.t.front());
    EXPECT_EQ(total(events.x), fact.at("sum_x"));
    EXPECT_EQ(total(events.y), fact.at("sum_y"));
    EXPECT_EQ(total(events.t), fact.at("sum_t"));
    EXPECT_EQ(total(events.p), fact.at("sum_p"));
    BitMatrix bits;
    maker.append_rows(events, bits);
    EXPECT_EQ(bits.count(), fact.at("time_bins_10").at("bits"));
    EXPECT_EQ(sha256_hex(std::as_bytes(bits.words())), fact.at("time_bins_10").at("sha256").get<std::string>());
  }
}

TEST_F(Tree, ItemsAreSorted) {
  const auto source = make_source(options_for(root_, "atis"));
  EXPECT_EQ(source->item(0).name, "Train/0/00000.bin");
  EXPECT_EQ(source->item(1).name, "Train/0/00010.bin");
  EXPECT_EQ(source->item(30).name, "Test/0/00000.bin");
  EXPECT_THAT(source->describe(), HasSubstr("40 recordings, 10 classes, 30 train, 10 test"));
}

TEST_F(Tree, NumbersSortAsNumbersAndLowerCasePartsAreFound) {
  fs::rename(root_ / "Train", root_ / "train");
  fs::rename(root_ / "Test", root_ / "test");
  for (const std::string part : {"train", "test"}) fs::rename(root_ / part / "1", root_ / part / "10");
  const auto source = make_source(options_for(root_, "atis"));
  EXPECT_EQ(source->classes(), (std::vector<std::string>{"0", "2", "3", "4", "5", "6", "7", "8", "9", "10"}));
  EXPECT_EQ(source->item(27).name, "train/10/00001.bin");
  EXPECT_EQ(source->item(27).label, 9);
}

TEST_F(Tree, OnePartAloneIsRead) {
  fs::remove_all(root_ / "Test");
  EXPECT_EQ(make_source(options_for(root_, "atis"))->size(), 30u);
}

TEST_F(Tree, WrongTreesAreNamed) {
  EXPECT_THAT(fault_of([] { make_source({}); }), HasSubstr("ConfigError: data.root is not set"));
  EXPECT_THAT(fault_of([] { make_source(options_for("/nonexistent/root", "atis")); }),
              HasSubstr("DataError: data.root: there is no folder or archive /nonexistent/root"));
  EXPECT_THAT(fault_of([this] { make_source(options_for(root_, "aedat9")); }), HasSubstr("ConfigError"));
  EXPECT_THAT(fault_of([this] { make_source(options_for(root_ / "Train" / "0", "atis")); }), HasSubstr("holds no recordings"));
  fs::remove_all(root_ / "Test" / "4");
  EXPECT_THAT(fault(), HasSubstr("Train/4 holds recordings, Test/4 holds none (.bin, .bs2)"));
  fs::create_directories(root_ / "Test" / "4");
  write_file_atomic(root_ / "Test" / "4" / "README", "no recording");
  EXPECT_THAT(fault(), HasSubstr("Train/4 holds recordings, Test/4 holds none"));
  fs::remove_all(root_ / "Test" / "4");
  fs::remove_all(root_ / "Train" / "4");
  EXPECT_EQ(fault(), "no Error");
  fs::remove_all(root_ / "Train");
  fs::remove_all(root_ / "Test");
  fs::create_directories(root_ / "Train");
  EXPECT_THAT(fault(), HasSubstr("holds no recordings"));
}

TEST_F(Tree, DamagedRecordingsAreNamed) {
  const fs::path file = root_ / "Train" / "0" / "00000.bin";
  const auto source = make_source(options_for(root_, "atis"));
  Recording recording;
  const auto fault_with = [&](const std::string& content) {
    write_file_atomic(file, content);
    return fault_of([&] { source->read(0, recording); });
  };
  const std::string whole = read_text(file);
  EXPECT_THAT(fault_with(whole.substr(0, 103)), HasSubstr("DataError: Train/0/00000.bin: the file is cut: 103 bytes"));
  std::string outside = whole;
  outside[5 * 11] = 35;
  EXPECT_THAT(fault_with(outside), HasSubstr("Train/0/00000.bin: event 11 of "));
  std::string backwards = whole;
  std::swap_ranges(backwards.begin(), backwards.begin() + 5, backwards.end() - 5);
  EXPECT_THAT(fault_with(backwards), HasSubstr("Train/0/00000.bin: time runs backwards at event 1"));
  EXPECT_EQ(fault_with(whole), "no Error");
  EXPECT_EQ(fault_with(""), "no Error");  // a recording without events is one
  EXPECT_TRUE(recording.events.empty());
  fs::remove(file);
  EXPECT_THAT(fault_of([&] { source->read(0, recording); }), HasSubstr("DataError: Train/0/00000.bin: cannot open"));
}

TEST_F(Tree, HashesFollowNamesSizesAndContent) {
  const auto before = make_source(options_for(root_, "atis"));
  const std::string fingerprint = before->fingerprint(), content = before->content_hash();
  EXPECT_EQ(make_source(options_for(root_, "atis"))->fingerprint(), fingerprint);
  const fs::path file = root_ / "Train" / "0" / "00000.bin";
  std::string bytes = read_text(file);
  bytes[2] = static_cast<char>(bytes[2] ^ 0x80);
  write_file_atomic(file, bytes);
  EXPECT_EQ(make_source(options_for(root_, "atis"))->fingerprint(), fingerprint);  // same names and sizes
  EXPECT_NE(make_source(options_for(root_, "atis"))->content_hash(), content);
  write_file_atomic(file, bytes.substr(5));
  EXPECT_NE(make_source(options_for(root_, "atis"))->fingerprint(), fingerprint);
}

TEST(Images, TrainThenTestWithTheirLabels) {
  const auto source = make_source(options_for(kFixtures / "events_idx", "idx"));
  ASSERT_EQ(source->size(), 40u);
  EXPECT_EQ(source->classes().size(), 10u);
  EXPECT_EQ(source->item(13).name, "train image 13");
  EXPECT_EQ(source->item(13).label, 3);
  EXPECT_EQ(source->item(30).name, "test image 0");
  EXPECT_EQ(source->item(30).split, Split::test);
  Recording recording;
  for (std::size_t i = 0; i < source->size(); ++i) {
    source->read(i, recording);
    EXPECT_GT(recording.events.size(), 500u);
    EXPECT_EQ(recording.source, source->item(i).name);
    EXPECT_EQ(recording.width, 34);
  }
}

TEST(Images, AnyOrderAndAnyThreadMakesTheSameRecording) {
  const auto source = make_source(options_for(kFixtures / "events_idx", "idx"));
  std::vector<Recording> forward(source->size()), backward(source->size());
  std::thread other([&] {
    for (std::size_t i = source->size(); i-- > 0;) source->read(i, backward[i]);
  });
  for (std::size_t i = 0; i < source->size(); ++i) source->read(i, forward[i]);
  other.join();
  for (std::size_t i = 0; i < source->size(); ++i) {
    EXPECT_EQ(forward[i].events.t, backward[i].events.t);
    EXPECT_EQ(forward[i].events.x, backward[i].events.x);
    EXPECT_EQ(forward[i].events.p, backward[i].events.p);
  }
}

class Excluded : public ::testing::Test {
 protected:
  void TearDown() override { fs::remove(file_); }
  std::unique_ptr<RecordingSource> source_without(const std::string& list, const std::string& rows = "") {
    write_file_atomic(file_, list);
    SourceOptions options = options_for(kFixtures / "events_idx", "idx");
    options.simulator.exclude = file_.string();
    options.simulator.exclude_rows = rows;
    return make_source(options);
  }
  std::string fault_with(const std::string& list) {
    return fault_of([&] { source_without(list); });
  }
  fs::path file_ = fs::temp_directory_path() / ("dltonic_exclude_" + std::to_string(::getpid()));
};

TEST_F(Excluded, ImagesAreLeftOutOfTrainOnly) {
  const auto all = make_source(options_for(kFixtures / "events_idx", "idx"));
  const auto some = source_without("file,mnist_train_index\nTrain/3/1.bin,7\nTest/0/1.bin,0\nTest/0/2.bin,29\n", "Test/");
  ASSERT_EQ(some->size(), 38u);
  EXPECT_NE(some->fingerprint(), all->fingerprint());
  std::set<std::string> names;
  for (const SourceItem& item : some->items()) names.insert(item.name);
  EXPECT_FALSE(names.contains("train image 0"));
  EXPECT_FALSE(names.contains("train image 29"));
  EXPECT_TRUE(names.contains("train image 7"));
  EXPECT_TRUE(names.contains("test image 0"));
  Recording with, without;  // an image's recording does not depend on what is left out
  all->read(7, with);
  some->read(6, without);
  EXPECT_EQ(with.source, without.source);
  EXPECT_EQ(with.events.t, without.events.t);
  EXPECT_EQ(source_without("# two of them\n4\n\n 5 \r\n")->size(), 38u);
}

TEST_F(Excluded, WrongListsAreNamed) {
  EXPECT_THAT(fault_with("1\n2\nthree\n"), HasSubstr(":3: \"three\" does not end in an image index"));
  EXPECT_THAT(fault_with("30\n"), HasSubstr("image 30 is to be left out, but there are only 30 train images"));
  SourceOptions options = options_for(kFixtures / "events_idx", "idx");
  options.simulator.exclude = "/nonexistent/list";
  EXPECT_THAT(fault_of([&] { make_source(options); }), HasSubstr("DataError: data.simulator.exclude: cannot open"));
}

}  // namespace
}  // namespace dltonic::events
