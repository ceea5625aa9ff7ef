#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/report/sinks.h"
#include "temporary_folder.h"

namespace dltonic::report {
namespace {

std::vector<nlohmann::json> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(JsonlSink, OneObjectALine) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  const auto sink = make_jsonl_sink(path);
  sink->write({"val", 1620, 3, {{"loss", 0.1}, {"accuracy_hard", 0.87}}});
  // at once, without flush: a run that is killed has lost nothing
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["split"], "val");
  EXPECT_EQ(lines[0]["step"], 1620);
  EXPECT_EQ(lines[0]["epoch"], 3);
  EXPECT_EQ(lines[0]["loss"].get<double>(), 0.1);  // the same double, not a rounded one
  EXPECT_EQ(lines[0]["accuracy_hard"].get<double>(), 0.87);
  EXPECT_EQ(lines[0]["time"].get<std::string>().size(), std::string("2026-11-22T22:06:57Z").size());
}

TEST(JsonlSink, GoesOnAfterResume) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  make_jsonl_sink(path)->write({"train", 1, 1, {}});
  make_jsonl_sink(path)->write({"train", 2, 1, {}});
  const auto lines = lines_of(path);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["step"], 2);
}

TEST(JsonlSink, DropsALineThatACrashCutOff) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  const std::string whole = "{\"step\":1}\n{\"step\":2}\n";
  for (const std::size_t cut :
       {std::size_t{3}, std::size_t{4096}, std::size_t{9000}}) {  // also longer than a piece read at once
    write_file_atomic(path, whole + "{\"step\":" + std::string(cut, '3'));
    make_jsonl_sink(path)->write({"train", 3, 1, {}});
    const auto lines = lines_of(path);
    ASSERT_EQ(lines.size(), 3u) << cut;
    EXPECT_EQ(lines[1]["step"], 2);
    EXPECT_EQ(lines[2]["step"], 3);
  }
}

TEST(JsonlSink, AFileThatIsOneCutLineBecomesEmpty) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  write_file_atomic(path, "{\"ti");
  const auto sink = make_jsonl_sink(path);
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
}

TEST(JsonlSink, NotFiniteIsNull) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  make_jsonl_sink(path)->write(
      {"train", 1, 1, {{"loss", std::numeric_limits<double>::quiet_NaN()}, {"most", std::numeric_limits<double>::infinity()}}});
  const auto lines = lines_of(path);
  EXPECT_TRUE(lines[0]["loss"].is_null());
  EXPECT_TRUE(lines[0]["most"].is_null());
}

TEST(JsonlSink, MissingFolderIsAnErrorThatNamesThePath) {
  try {
    make_jsonl_sink("/nonexistent/metrics.jsonl");
    FAIL();
  } catch (const StorageError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/metrics.jsonl"), std::string::npos);
  }
}

TEST(JsonlSink, FullDiskLeavesNoHalfLine) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  const auto sink = make_jsonl_sink(path);
  sink->write({"train", 1, 1, {{"loss", 0.5}}});
  const auto size = std::filesystem::file_size(path);

  // A limit on the file's size stands for a full disk: the second line fits in part.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{size + 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_THROW(sink->write({"train", 2, 1, {{"loss", 0.25}}}), StorageError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);

  EXPECT_EQ(std::filesystem::file_size(path), size);
  sink->write({"train", 2, 1, {{"loss", 0.25}}});
  EXPECT_EQ(lines_of(path).size(), 2u);
}

}  // namespace
}  // namespace dltonic::report
