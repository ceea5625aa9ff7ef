#include "app/submit/cluster.h"

#include <gmock/gmock.h>

#include "app/submit/job.h"
#include "app/submit/process.h"
#include "dltonic/config/loader.h"
#include "dltonic/core/error.h"

namespace dltonic::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

TEST(Cluster, WallTimeInSeconds) {
  EXPECT_EQ(seconds_of_time("90"), 5400);
  EXPECT_EQ(seconds_of_time("2-12"), 2 * 86400 + 12 * 3600);
  for (const char* wrong : {"", "x", "1h", "1:2:3:4", "-1"}) EXPECT_EQ(seconds_of_time(wrong), 0) << wrong;
}

/// A cluster's file with these words on top; the shipped one.
ClusterOptions load(const std::vector<std::string>& words) {
  ClusterOptions cluster;
  config::Section root;
  cluster.bind(root.section("cluster"));
  std::vector<std::string> arguments{DLTONIC_SOURCE_DIR "/configs/cluster/slurm.yaml"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  config::Loader(root).load(arguments);
  return cluster;
}

TEST(Cluster, TellsWhatIsWrong) {
  EXPECT_THAT([] { load({"cluster.time=soon"}); },
              ThrowsMessage<ConfigError>(HasSubstr("cluster.time=soon: is \"soon\", expected: a time")));
  EXPECT_THAT([] { load({"cluster.time=2"}); },
              ThrowsMessage<ConfigError>(HasSubstr("is 120 s, but the job is told to save 180 s before")));
  EXPECT_THAT([] { load({"cluster.env=[A B=1]"}); },
              ThrowsMessage<ConfigError>(HasSubstr("holds \"A B=1\", expected: NAME=VALUE")));
  EXPECT_THAT([] { load({"cluster.sbatch=[exclusive]"}); }, ThrowsMessage<ConfigError>(HasSubstr("--exclusive")));
  EXPECT_THAT([] { load({"cluster.launcher=prun"}); }, ThrowsMessage<ConfigError>(HasSubstr("srun, mpirun")));
}

Job sample_job() {
  Job job;
  job.cluster = load({"cluster.env=[A=it's,B=1 2]", "cluster.modules=[gcc/12,openmpi]", "cluster.setup=[ulimit -l unlimited]",
                      "cluster.account=my account", "cluster.program=/bin/true", "cluster.sbatch=[--exclusive]"});
  job.size = {.nodes = 2, .gpus_per_node = 4, .at_once = 3};
  job.name = "a name";
  job.folder = "/project/my jobs/100%";
  job.scratch = "/scratch/o'hara";
  job.project = "/project";
  job.working_folder = "/tmp";
  job.tasks = 6;
  return job;
}
constexpr const char* kTemplates = DLTONIC_SOURCE_DIR "/jobs/slurm";

TEST(JobScript, AsksForWhatIsWanted) {
  Job job = sample_job();
  const std::string script = job_script(job, kTemplates);
  for (const char* line :
       {"#SBATCH --job-name=\"a name\"\n", "#SBATCH --nodes=2\n", "#SBATCH --ntasks-per-node=4\n",
        "#SBATCH --gpus-per-node=4\n", "#SBATCH --array=0-5%3\n", "#SBATCH --account=\"my account\"\n", "#SBATCH --exclusive\n",
        "#SBATCH --signal=B:USR1@180\n", "#SBATCH --open-mode=append\n", "#SBATCH --requeue\n",
        "#SBATCH --output=\"/project/my jobs/100%%/log-%a.txt\"\n", "\nmodule load gcc/12 openmpi\n",
        "\nexport SCRATCH_STORAGE_DIR='/scratch/o'\\''hara'\n", "\nexport A='it'\\''s'\nexport B='1 2'\nulimit -l unlimited\n",
        "\nstep srun --mpi=pmix --kill-on-bad-exit=1 /bin/true train \"$config\" --resume\n"}) {
    EXPECT_THAT(script, HasSubstr(line));
  }
  EXPECT_THAT(script, Not(HasSubstr("{{")));
  EXPECT_THAT(script, Not(HasSubstr("--partition")));
  EXPECT_THAT(script, Not(HasSubstr(" prepare \"$config\"")));
  EXPECT_EQ(run_process({"bash", "-n"}, script).err, "");

  job.tasks = 1;
  job.prepare = true;
  job.cluster.launcher = "mpirun";
  job.size = {.nodes = 3};
  const std::string other = job_script(job, kTemplates);
  EXPECT_THAT(other, Not(HasSubstr("--array=")));
  EXPECT_THAT(other, HasSubstr("/log-0.txt\""));
  EXPECT_THAT(other, HasSubstr("\nstep mpirun -n 3 --map-by ppr:1:node /bin/true prepare \"$config\" &&\nstep mpirun"));
  EXPECT_EQ(run_process({"bash", "-n"}, other).err, "");
}

TEST(JobScript, RunsInAContainer) {
  Job job = sample_job();
  job.cluster.container = "/nonexistent/image.sif";
  EXPECT_THAT([&] { job_script(job, kTemplates); }, ThrowsMessage<ConfigError>(HasSubstr("/nonexistent/image.sif is missing")));
  job.cluster.container = "/bin/sh";
  job.cluster.program = "";
  EXPECT_THAT(job_script(job, kTemplates), HasSubstr("--kill-on-bad-exit=1 apptainer exec --nv --bind '/scratch/o'\\''hara' "
                                                     "--bind /project --bind /tmp /bin/sh dltonic train"));
}

TEST(JobScript, WhatIsNotThere) {
  Job job = sample_job();
  job.cluster.program = "/nonexistent/dltonic";
  EXPECT_THAT([&] { job_script(job, kTemplates); }, ThrowsMessage<ConfigError>(HasSubstr("/nonexistent/dltonic")));
  job.cluster.script = "no.sh";
  EXPECT_THAT([&] { job_script(job, kTemplates); }, ThrowsMessage<ConfigError>(HasSubstr("cluster.script: ")));
}

}  // namespace
}  // namespace dltonic::app
