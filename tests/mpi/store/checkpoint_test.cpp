#include "dltonic/store/checkpoint_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dltonic/core/checksum.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "mpi/store/store_support.h"
#include "support/mpi_world.h"

using namespace dltonic;
using store::CheckpointStore;
using test::world;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

/// Something like a model's state.
struct State {
  explicit State(int seed) {
    std::iota(logits.begin(), logits.end(), static_cast<float>(seed));
    std::iota(wiring.begin(), wiring.end(), seed);
    std::iota(moments.begin(), moments.end(), seed * 0.5);
    step = seed * 1000;
    for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = static_cast<std::uint8_t>(seed + static_cast<int>(i));
  }
  std::vector<TensorView> views() {
    return {{"layer0/logits", DType::f32, {7, 16}, logits.data()},
            {"layer0/wiring", DType::i32, {2, 7}, wiring.data()},
            {"optimizer/m", DType::f64, {3, 2, 5}, moments.data()},
            {"step", DType::i64, {}, &step},
            {"flags", DType::u8, {1}, flags.data()},
            {"nothing", DType::f32, {0, 4}, nullptr}};
  }
  bool operator==(const State&) const = default;
  std::vector<float> logits = std::vector<float>(112);
  std::vector<std::int32_t> wiring = std::vector<std::int32_t>(14);
  std::vector<double> moments = std::vector<double>(30);
  std::int64_t step = 0;
  std::vector<std::uint8_t> flags = std::vector<std::uint8_t>(1);
};

const std::vector<std::pair<std::string, std::string>> kParts{{"config", R"({"train":{"epochs":5}})"}, {"world_size", cat(4)}};

void flip_byte(const std::filesystem::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char old = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(old ^ 1));
}

template <class Kind = DataError>
std::string message(const std::function<void()>& work) {
  try {
    work();
  } catch (const Kind& error) {
    EXPECT_TRUE(error.agreed());
    return error.what();
  }
  return "nothing of that kind was thrown";
}

}  // namespace

TEST(Checkpoint, ComesBackOnEveryRank) {
  const auto folder = test::shared_folder();
  CheckpointStore checkpoints(folder / "checkpoints");
  EXPECT_THAT(checkpoints.list(), IsEmpty());
  EXPECT_FALSE(checkpoints.newest_good(world()));
  State saved(3), loaded(0);
  store::SaveReport report;
  const auto path = checkpoints.save(world(), 1200, saved.views(), kParts, &report);
  EXPECT_GE(report.seconds, report.durable_s);
  if (world().is_root()) {
    EXPECT_EQ(report.bytes, std::filesystem::file_size(path / "state.h5"));
    EXPECT_EQ(report.state_checksum, checksum_file(path / "state.h5"));
  }
  EXPECT_THAT(path.filename().string(), testing::MatchesRegex("step-1200_[0-9]{8}T[0-9]{6}Z"));
  EXPECT_EQ(CheckpointStore::verify(path), "");
  CheckpointStore::load(world(), path, loaded.views());
  EXPECT_EQ(loaded, saved);
  EXPECT_EQ(CheckpointStore::part(path, "config"), R"({"train":{"epochs":5}})");
  EXPECT_EQ(CheckpointStore::part(path, "no such"), "");
  const auto tensors = CheckpointStore::tensors(path);
  ASSERT_EQ(tensors.size(), 6u);
  EXPECT_EQ(tensors[0].name, "layer0/logits");
  EXPECT_THAT(tensors[2].shape, ElementsAre(3u, 2u, 5u));
  const auto newest = checkpoints.newest_good(world());
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->step, 1200);
  EXPECT_EQ(newest->path, path);
  EXPECT_THAT(test::names_in(path), testing::UnorderedElementsAre("state.h5", "manifest.json"));
}

TEST(Checkpoint, DifferencesToTheModelAreListedAllAtOnce) {
  CheckpointStore checkpoints(test::shared_folder());
  State state(1);
  const auto path = checkpoints.save(world(), 1, state.views(), {});
  auto wanted = state.views();
  wanted[0].shape = {7, 4};
  wanted[3].type = DType::f64;
  wanted[4].name = "more";
  EXPECT_THAT(
      message([&] { CheckpointStore::load(world(), path, wanted); }),
      AllOf(HasSubstr("layer0/logits: f32 [7, 16] in the checkpoint, f32 [7, 4] wanted"),
            HasSubstr("step: i64 [] in the checkpoint, f64 [] wanted"), HasSubstr("more: not in the checkpoint, u8 [1] wanted"),
            HasSubstr("flags: u8 [1] in the checkpoint, not wanted")));
}

TEST(Checkpoint, RanksThatBringOtherTensorsFailTogether) {
  const auto folder = test::shared_folder();
  CheckpointStore checkpoints(folder);
  State state(1);
  auto views = state.views();
  if (world().rank() == world().size() - 1 && world().size() > 1) views.pop_back();
  if (world().size() == 1) views.push_back(views[0]);
  EXPECT_THAT(message([&] { checkpoints.save(world(), 1, views, {}); }), AllOf(HasSubstr("tensors to save")));
  EXPECT_THAT(message([&] {
                checkpoints.save(world(), 1, state.views(), {{"config", "{no json"}});
              }),
              HasSubstr("'config' is no JSON"));
  EXPECT_THAT(test::names_in(folder), IsEmpty());
}

TEST(Checkpoint, TheNewestGoodOneIsFoundAndBrokenOnesAreNamed) {
  const auto folder = test::shared_folder();
  CheckpointStore checkpoints(folder);
  std::vector<std::filesystem::path> paths;
  for (const int step : {1, 2, 10, 20, 30}) {
    State state(step);
    paths.push_back(checkpoints.save(world(), step, state.views(), {}));
  }
  if (world().is_root()) {
    flip_byte(paths[4] / "state.h5", static_cast<std::streamoff>(std::filesystem::file_size(paths[4] / "state.h5")) - 9);
    std::filesystem::resize_file(paths[3] / "state.h5", 100);
    std::filesystem::remove(paths[2] / "manifest.json");
    std::filesystem::create_directory(folder / "step-99_20261122T220657Z.part");  // a killed job's
    write_file_atomic(folder / "latest", "step-30\n");
  }
  world().barrier();
  const auto list = checkpoints.list();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0].step, 30);
  EXPECT_TRUE(list[0].good());  // sizes are right; only the checksum tells
  EXPECT_THAT(list[1].fault, HasSubstr("state.h5 has 100 bytes, "));
  EXPECT_THAT(list[2].fault, HasSubstr("no manifest.json"));
  EXPECT_EQ(list[4].step, 1);

  std::vector<std::string> skipped;
  const auto newest = checkpoints.newest_good(world(), &skipped);
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->step, 2);
  EXPECT_THAT(skipped,
              ElementsAre(AllOf(HasSubstr("step-30_"), HasSubstr("checksum")), HasSubstr("step-20_"), HasSubstr("step-10_")));
  EXPECT_THAT(message([&] {
                State state(0);
                CheckpointStore::load(world(), paths[4], state.views());
              }),
              AllOf(HasSubstr("is damaged"), HasSubstr("checksum")));
}

TEST(Checkpoint, ADamagedManifestIsAFaultNotACrash) {
  CheckpointStore checkpoints(test::shared_folder());
  State state(1);
  const auto path = checkpoints.save(world(), 1, state.views(), {});
  if (!world().is_root()) return;
  const std::string good = read_text(path / "manifest.json");
  for (const std::string& bad :
       {good.substr(0, good.size() / 2), std::string("[]"), std::string("{\"schema\": 3}"), std::string()}) {
    write_file_atomic(path / "manifest.json", bad);
    EXPECT_THAT(CheckpointStore::verify(path), HasSubstr("manifest.json"));
    EXPECT_FALSE(checkpoints.list()[0].good());
  }
}

TEST(Checkpoint, TwoOfTheSameStepAndSecondAreKeptApart) {
  CheckpointStore checkpoints(test::shared_folder());
  State a(1), b(2), loaded(0);
  checkpoints.save(world(), 5, a.views(), {});
  const auto second = checkpoints.save(world(), 5, b.views(), {});
  EXPECT_EQ(checkpoints.list().size(), 2u);
  EXPECT_EQ(checkpoints.list()[0].path, second);
  world().barrier();
  if (world().is_root()) {  // none of these is a checkpoint's name
    for (const char* name : {"step-5", "step-5_20261122T220657Z.part", "step-5_20261122T220657Z-", "step-05_20261122T220657Z",
                             "step--5_20261122T220657Z", "step-5_2026112T220657Z", "step-x_20261122T220657Z",
                             "step-5_20261122T220657Z-2x", "epoch-5_20261122T220657Z"}) {
      std::filesystem::create_directory(checkpoints.folder() / name);
    }
  }
  world().barrier();
  EXPECT_EQ(checkpoints.list().size(), 2u);
  CheckpointStore::load(world(), second, loaded.views());
  EXPECT_EQ(loaded, b);
}

TEST(Checkpoint, IsChosenByMarkerNameStepAndTime) {
  const auto folder = test::shared_folder();
  CheckpointStore checkpoints(folder);
  State state(1);
  if (world().size() > 1) return;  // nothing here is collective
  const auto made = checkpoints.save(world(), 1, state.views(), {});
  for (const char* name :
       {"step-10_20261122T100000Z", "step-20_20261122T110000Z", "step-15_20261123T000000Z", "step-20_20261122T110000Z-2"})
    std::filesystem::copy(made, folder / name);
  std::filesystem::remove_all(made);
  checkpoints.set_marker("latest", folder / "step-15_20261123T000000Z");
  const auto chosen = [&](const std::string& which) { return checkpoints.find(which).name; };
  EXPECT_EQ(chosen("latest"), "step-15_20261123T000000Z");
  EXPECT_EQ(chosen("step-20_20261122T110000Z"), "step-20_20261122T110000Z");
  EXPECT_EQ(chosen("step-20"), "step-20_20261122T110000Z-2");
  EXPECT_EQ(chosen("10"), "step-10_20261122T100000Z");
  EXPECT_EQ(chosen("@2026-11-22 10:59"), "step-10_20261122T100000Z");
  EXPECT_EQ(chosen("@2026-11-22T11:00:00Z").substr(0, 24), "step-20_20261122T110000Z");
  EXPECT_EQ(chosen("@20261122T110000Z").substr(0, 7), "step-20");
  EXPECT_EQ(chosen("@2026-11-22").substr(0, 7), "step-20");
  EXPECT_EQ(chosen("@2027-01-01 05"), "step-15_20261123T000000Z");  // the last one in time, not the highest step
  for (const char* none : {"best", "step-7", "7", "@2026-11-22 09:59:59", "step-", "", ".."}) {
    try {
      checkpoints.find(none);
      ADD_FAILURE() << none;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(cat("'", none, "'")), HasSubstr("step-10_20261122T100000Z")));
    }
  }
  for (const char* wrong : {"@", "@yesterday", "@2026-11", "@2026-11-22 1", "@2026/11/22"}) {
    try {
      checkpoints.find(wrong);
      ADD_FAILURE() << wrong;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("is no time"));
    }
  }
}

/// Tensors of megabytes and of bytes, between pages or not: every rank writes its blocks of the file.
TEST(Checkpoint, LargeStatesAreWrittenByAllRanksAndComeBack) {
  CheckpointStore checkpoints(test::shared_folder());
  const auto shapes = std::vector<std::vector<std::uint64_t>>{{1'000'003}, {16'384}, {16'383}, {3, 5}, {700'000, 2}, {1}};
  std::vector<std::vector<float>> saved, loaded;
  std::vector<TensorView> views, wanted;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const TensorView shape{cat("t", i), DType::f32, shapes[i], nullptr};
    saved.emplace_back(shape.elements() + 1);
    loaded.emplace_back(shape.elements());
    std::iota(saved[i].begin(), saved[i].end(), static_cast<float>(i) + 0.25f);
    views.push_back({shape.name, shape.type, shape.shape, saved[i].data() + 1});  // seldom at the beginning of a page
    wanted.push_back({shape.name, shape.type, shape.shape, loaded[i].data()});
  }
  store::SaveReport report;
  const auto path = checkpoints.save(world(), 3, views, {}, &report, views.size());
  EXPECT_GE(report.verified_s, report.durable_s);
  EXPECT_GT(report.cpu_s, 0);
  EXPECT_EQ(report.state_checksum, checksum_file(path / "state.h5"));
  EXPECT_EQ(report.bytes, std::filesystem::file_size(path / "state.h5"));
  CheckpointStore::load(world(), path, wanted);
  for (std::size_t i = 0; i < shapes.size(); ++i)
    EXPECT_TRUE(std::equal(loaded[i].begin(), loaded[i].end(), saved[i].begin() + 1)) << i;
  // One value of the last rank's share that is not finite: refused by all, and nothing is left.
  saved[4][1'399'999] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message<StorageError>([&] { checkpoints.save(world(), 4, views, {}, nullptr, views.size()); }),
              AllOf(HasSubstr("t4 holds values that are not finite")));
  checkpoints.save(world(), 5, views, {}, nullptr, 4);  // that one may hold anything
  EXPECT_EQ(checkpoints.list().size(), 2u);
}

TEST(Checkpoint, RemovalAndLeftovers) {
  const auto folder = test::shared_folder();
  CheckpointStore checkpoints(folder);
  State state(1);
  const auto path = checkpoints.save(world(), 1, state.views(), {});
  if (world().is_root()) {
    CheckpointStore::remove(path);
    EXPECT_THAT(checkpoints.list(), IsEmpty());
    std::filesystem::create_directories(folder / "step-7_20261122T220657Z.part");
    write_file_atomic(folder / "step-7_20261122T220657Z.part" / "state.h5.part", "half");
    EXPECT_THAT(checkpoints.remove_leftovers(), ElementsAre("step-7_20261122T220657Z.part"));
    EXPECT_THAT(test::names_in(folder), IsEmpty());
    EXPECT_THROW(CheckpointStore::remove(path), StorageError);
  }
  world().barrier();
}

TEST(Checkpoint, MarkersNameWhatExists) {
  CheckpointStore checkpoints(test::shared_folder());
  State state(1);
  const auto path = checkpoints.save(world(), 1, state.views(), {});
  EXPECT_FALSE(checkpoints.marker("latest"));
  world().barrier();
  if (world().is_root()) checkpoints.set_marker("latest", path);
  world().barrier();
  EXPECT_EQ(checkpoints.marker("latest"), path);
  world().barrier();
  if (world().is_root()) CheckpointStore::remove(path);
  world().barrier();
  EXPECT_FALSE(checkpoints.marker("latest"));
}
