// How runs stand, from folders as training and submissions leave them.
#include "app/submit/status.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "app/submit/slurm.h"
#include "dltonic/core/file.h"

namespace fs = std::filesystem;

namespace dltonic::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Names = std::vector<std::string>;

class Status : public testing::Test {
 protected:
  Status() {
    folder_ = fs::temp_directory_path() / ("dltonic_status_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Status() override { fs::remove_all(folder_); }

  fs::path scratch() const { return folder_ / "scratch"; }
  fs::path project() const { return folder_ / "project"; }
  void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    write_file_atomic(path, text);
  }
  /// A run that is in its third epoch of five.
  fs::path running(const fs::path& dir) {
    write(dir / "config.yaml", "run: {name: x}\ntrain: {epochs: 5, monitor: f1_new, seed: 1}\n");
    write(dir / "metrics.jsonl",
          "{\"time\":\"t\",\"split\":\"train\",\"epoch\":1,\"step\":10,\"loss\":0.5}\n"
          "{\"time\":\"t\",\"split\":\"val\",\"epoch\":1,\"step\":10,\"f1_new\":0.25,\"loss\":0.75}\n"
          "{\"time\":\"t\",\"split\":\"train\",\"epoch\":2,\"step\":20,\"loss\":null}\n"
          "{\"time\":\"t\",\"split\":\"val\",\"epoch\":2,\"step\":20,\"f1_new\":0.5,\"loss\":0.125}\n"
          "{\"time\":\"t\",\"split\":\"train\",\"epoch\":3,\"st");
    return dir;
  }
  Record submitted(const std::string& folder, const std::string& job, const std::vector<SubmittedRun>& runs,
                   const std::string& when = "2026-01-01T00:00:00Z") {
    Record record{project() / "jobs" / folder, job, when, runs};
    fs::create_directories(record.folder);
    write_record(record, Job{});
    return record;
  }
  std::vector<RunStatus> read(const std::map<std::string, std::string>& states = {}, const Names& names = {}) {
    return read_runs(scratch(), project(), records_ = read_records(project()), states, names);
  }

  fs::path folder_;
  std::vector<Record> records_;
};

TEST_F(Status, OfARunThatNobodySubmitted) {
  running(scratch() / "runs" / "x");
  const auto runs = read();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].state, "started");
  EXPECT_EQ(runs[0].step, 20);
  EXPECT_EQ(runs[0].epoch, 2);
  EXPECT_EQ(runs[0].value, 0.5);
  const std::string text = status_text(runs);
  EXPECT_THAT(text,
              HasSubstr("RUN  STATE    JOB  STEP  EPOCH  METRIC  VALUE\nx    started       20    2/5    f1_new  0.5000\n"));
  // A metric is seen by its name alone; what is not finite has no number.
  EXPECT_EQ(status_csv(runs), "run,state,job,step,epoch,train/loss,val/f1_new,val/loss\nx,started,,20,2,0.5,0.5,0.125\n");
}

TEST_F(Status, SummaryEndsARunUnlessItWentOn) {
  const auto dir = running(scratch() / "runs" / "x");
  write(dir / "summary.json", "{\"run\":\"x\",\"steps\":20,\"best\":0.5,\"validation\":{\"f1\":1}}");
  EXPECT_EQ(read()[0].state, "done");
  EXPECT_THAT(status_csv(read()), HasSubstr(",val/loss,steps,best\nx,done,,20,2,0.5,0.5,0.125,20,0.5\n"));
  write(dir / "summary.json", "{\"steps\":23,\"stopped_by\":\"SIGUSR1\"}");
  EXPECT_EQ(read()[0].state, "stopped");
  EXPECT_EQ(read()[0].step, 23);
  write(dir / "summary.json", "{\"steps\":10,\"best\":0.25}");
  EXPECT_EQ(read()[0].state, "started");
  EXPECT_THAT(status_csv(read()), Not(HasSubstr("best")));
}

TEST_F(Status, OfASweep) {
  const auto dir = scratch() / "runs";
  const auto record =
      submitted("x-2026", "12",
                {{"x-a=1", dir / "x-a=1", {"a=1"}, {{"a", "1"}}}, {"x-a=2", dir / "x-a=2", {"a=2"}, {{"a", "two, \"2\""}}}});
  running(dir / "x-a=1");
  auto runs = read({{"12_0", "RUNNING"}, {"12_1", "PENDING"}});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].state, "running");
  EXPECT_EQ(runs[1].state, "pending");
  EXPECT_EQ(runs[1].job, "12_1");
  EXPECT_EQ(status_csv(runs),
            "run,state,job,step,epoch,a,train/loss,val/f1_new,val/loss\nx-a=1,running,12_0,20,2,1,0.5,0.5,0.125\n"
            "x-a=2,pending,12_1,,,\"two, \"\"2\"\"\",,,\n");
  const auto json = nlohmann::json::parse(status_json(runs));
  EXPECT_EQ(json["runs"][0]["metrics"]["val/f1_new"], 0.5);
  EXPECT_EQ(json["runs"][1]["swept"]["a"], "two, \"2\"");
  EXPECT_TRUE(json["runs"][1]["step"].is_null());

  // Slurm forgets; the job's script has noted how it ended.
  EXPECT_EQ(read()[0].state, "started");
  EXPECT_EQ(read()[1].state, "waiting");
  write(record.folder / "exit-0", "75\n");
  write(record.folder / "exit-1", "2\n");
  EXPECT_EQ(read({{"12_0", "FAILED"}})[0].state, "stopped");
  EXPECT_EQ(read()[1].state, "failed (2)");
  EXPECT_EQ(read({{"12_0", "RUNNING"}})[0].state, "running");
  write(record.folder / "exit-0", "0\n");
  EXPECT_EQ(read()[0].state, "done");
  fs::remove(record.folder / "exit-0");
  EXPECT_EQ(read({{"12_0", "TIMEOUT"}})[0].state, "timeout");
}

TEST_F(Status, TheLaterSubmissionOfARunCounts) {
  const auto dir = running(scratch() / "runs" / "x");
  submitted("x-2", "9", {{"x", dir, {}, {}}}, "2026-01-02T00:00:00Z");
  submitted("x-10", "8", {{"x", dir, {}, {}}}, "2026-01-01T00:00:00Z");
  write(project() / "jobs" / "broken" / "submit.json", "{");
  const auto runs = read({{"9", "RUNNING"}});
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].job, "9");
  EXPECT_EQ(runs[0].state, "running");
}

TEST_F(Status, ProjectStorageStandsForWipedScratch) {
  submitted("x-1", "9", {{"x", scratch() / "runs" / "x", {}, {}}});
  running(project() / "runs" / "x");
  running(project() / "runs" / "y");
  running(scratch() / "runs" / "y");
  const auto runs = read();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].dir, project() / "runs" / "x");
  EXPECT_EQ(runs[0].step, 20);
  EXPECT_EQ(runs[1].dir, scratch() / "runs" / "y");
}

TEST_F(Status, NamesChoose) {
  submitted("sweep-1", "9", {{"one", scratch() / "runs" / "one", {}, {}}});
  running(scratch() / "runs" / "two");
  running(scratch() / "runs" / "three");
  const auto chosen = [&](const Names& names) {
    Names found;
    for (const auto& run : read({}, names)) found.push_back(run.name);
    return found;
  };
  EXPECT_THAT(chosen({"t"}), ElementsAre("three", "two"));
  EXPECT_THAT(chosen({"sweep", "two"}), ElementsAre("one", "two"));
  EXPECT_THAT(chosen({}), ElementsAre("one", "three", "two"));
}

TEST(SlurmStates, LiveOnes) {
  for (const char* word : {"PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"})
    EXPECT_TRUE(slurm::is_live(word)) << word;
  for (const char* word : {"", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"})
    EXPECT_FALSE(slurm::is_live(word)) << word;
}

}  // namespace
}  // namespace dltonic::app
