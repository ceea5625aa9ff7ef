#include "dltonic/store/lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "store/eviction.h"
#include "store/process_id.h"
#include "store/space.h"
#include "unit/store/folders.h"

using namespace dltonic;
using namespace dltonic::store;
using namespace dltonic::test;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

/// Another process that holds a lock (or a lease) until it is told or killed.
class HoldingProcess {
 public:
  explicit HoldingProcess(const std::function<void()>& take) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("pipe");
    process_ = ::fork();
    if (process_ == 0) {
      take();
      [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
      for (;;) ::pause();
    }
    char byte = 0;
    [[maybe_unused]] const ssize_t heard = ::read(ready[0], &byte, 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~HoldingProcess() {
    if (process_ > 0) kill();
  }
  void kill() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  pid_t number() const { return process_; }

 private:
  pid_t process_;
};

std::string refusal(const fs::path& file) {
  try {
    const Lock lock(file, "training");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

void set_age(const fs::path& file, double age_s) {
  struct timespec times[2]{};
  ::clock_gettime(CLOCK_REALTIME, &times[1]);
  times[1].tv_sec -= static_cast<time_t>(age_s);
  times[0].tv_nsec = UTIME_OMIT;
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

/// As a job on another host would have written it.
void put_foreign(const fs::path& file, double age_s) {
  put(file, nlohmann::json{{"host", "elsewhere"},
                           {"space", "x"},
                           {"process", 4711},
                           {"start", "1"},
                           {"since", "2026-11-22T22:06:57Z"},
                           {"what", "training"}}
                .dump());
  set_age(file, age_s);
}

}  // namespace

TEST(Lock, IsThereWhileItLivesAndGoneAfter) {
  const TemporaryFolder folder;
  {
    const Lock lock(folder / "run.lock", "training");
    const auto holder = living_holder(folder / "run.lock");
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->process, ::getpid());
    EXPECT_EQ(holder->host, host_name());
    EXPECT_THAT(refusal(folder / "run.lock"), HasSubstr("is in use by process " + std::to_string(::getpid())));
  }
  EXPECT_FALSE(fs::exists(folder / "run.lock"));
  EXPECT_EQ(refusal(folder / "run.lock"), "");
}

TEST(Lock, NamesHostProcessAndStartOfALivingHolder) {
  const TemporaryFolder folder;
  const HoldingProcess other([&] { new Lock(folder / "run.lock", "training"); });
  const std::string text = refusal(folder / "run.lock");
  EXPECT_THAT(text, HasSubstr("process " + std::to_string(other.number())));
  EXPECT_THAT(text, HasSubstr(" on " + host_name()));
  EXPECT_THAT(text, testing::ContainsRegex("training since 20[0-9-]+T[0-9:]+Z"));
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(Lock, OfAKilledProcessOfThisHostCountsForNothingAtOnce) {
  const TemporaryFolder folder;
  HoldingProcess other([&] { new Lock(folder / "run.lock", "training"); });
  other.kill();
  EXPECT_TRUE(fs::exists(folder / "run.lock"));
  EXPECT_FALSE(living_holder(folder / "run.lock"));
  EXPECT_EQ(refusal(folder / "run.lock"), "");
}

TEST(Lock, OfALaterProcessWithTheSameNumberCountsForNothing) {
  const TemporaryFolder folder;
  const HoldingProcess other([] {});
  ProcessId then = this_process();
  then.number = other.number();
  put(folder / "run.lock", nlohmann::json{{"host", then.host},
                                          {"space", then.space},
                                          {"process", then.number},
                                          {"start", "1"},
                                          {"since", "2026-11-22T22:06:57Z"},
                                          {"what", "training"}}
                               .dump());
  EXPECT_EQ(refusal(folder / "run.lock"), "");
}

TEST(Lock, OfAnotherHostIsJudgedByItsLastSignOfLife) {
  const TemporaryFolder folder;
  put_foreign(folder / "run.lock", kDeadAfter_s / 2);
  EXPECT_THAT(refusal(folder / "run.lock"), HasSubstr("process 4711 on elsewhere (training since 2026-11-22T22:06:57Z)"));
  put_foreign(folder / "run.lock", kDeadAfter_s + 5);
  EXPECT_EQ(refusal(folder / "run.lock"), "");
}

TEST(Lock, ADamagedOneIsRespectedWhileItIsYoung) {
  const TemporaryFolder folder;
  put(folder / "run.lock", "{\"host\":");
  EXPECT_THAT(refusal(folder / "run.lock"), HasSubstr("just starting"));
  set_age(folder / "run.lock", kDeadAfter_s + 5);
  EXPECT_EQ(refusal(folder / "run.lock"), "");
}

TEST(Lock, OfManyThatFindADeadOneExactlyOneTakesIt) {
  const TemporaryFolder folder;
  constexpr int kProcesses = 8;
  for (int round = 0; round < 10; ++round) {
    put_foreign(folder / "run.lock", 2 * kDeadAfter_s);
    int asked[2], over[2];
    ASSERT_EQ(::pipe(asked) + ::pipe(over), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        ::close(over[1]);
        char byte = 'x';
        try {
          const Lock lock(folder / "run.lock", "training");
          [[maybe_unused]] const ssize_t told = ::write(asked[1], &byte, 1);
          ::close(asked[1]);
          [[maybe_unused]] const ssize_t heard = ::read(over[0], &byte, 1);  // until all others have asked
        } catch (const ConfigError&) {
          [[maybe_unused]] const ssize_t told = ::write(asked[1], &byte, 1);
          ::_exit(1);
        }
        ::_exit(0);
      }
      children.push_back(child);
    }
    ::close(asked[1]);
    ::close(over[0]);
    int answers = 0;
    for (char byte = 0; ::read(asked[0], &byte, 1) == 1;) ++answers;  // to the end: each has answered, or died
    EXPECT_EQ(answers, kProcesses);
    ::close(over[1]);
    ::close(asked[0]);
    int taken = 0;
    for (const pid_t child : children) {
      int status = 0;
      ::waitpid(child, &status, 0);
      taken += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    EXPECT_EQ(taken, 1);
    EXPECT_FALSE(fs::exists(folder / "run.lock"));
  }
}

TEST(Lock, WhoDiedWhileRemovingADeadOneHoldsNobodyUp) {
  const TemporaryFolder folder;
  put_foreign(folder / "run.lock", 2 * kDeadAfter_s);
  put(folder / "run.lock.part", "");
  EXPECT_THROW(Lock(folder / "run.lock", "training"), StorageError);  // another process may be at it
  set_age(folder / "run.lock.part", kDeadAfter_s + 5);
  EXPECT_EQ(refusal(folder / "run.lock"), "");
  EXPECT_FALSE(fs::exists(folder / "run.lock.part"));
}

TEST(Lease, ManyMayHoldOneAndThoseOfTheDeadGo) {
  const TemporaryFolder folder;
  put(folder / "f.h5", "x");
  const Lease mine(folder / "f.h5");
  HoldingProcess other([&] { new Lease(folder / "f.h5"); });
  EXPECT_EQ(living_leases(folder / "f.h5").size(), 2u);
  other.kill();
  const auto left = living_leases(folder / "f.h5");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].process, ::getpid());
}

namespace {

/// Three prepared files of 1 MB, used in the order of their names.
struct Scratch {
  Scratch() {
    for (const char* name : {"a.h5", "b.h5", "c.h5"}) {
      put(folder / "project/data" / name, std::string(1 << 20, 'x'));
      put(data / name, std::string(1 << 20, 'x'));
      note_use(data / name);
      ::usleep(20000);
    }
  }
  /// On a disk that these files fill, whatever else happens on this machine's.
  bool make_room(std::uint64_t needed) const {
    return store::make_room(data, originals, needed, [](const fs::path& folder_) {
      std::uint64_t used = 0;
      for (const auto& entry : fs::directory_iterator(folder_)) {
        if (entry.path().extension() == ".h5") used += entry.file_size();
      }
      return (3u << 20) - used;
    });
  }
  TemporaryFolder folder;
  fs::path data = folder / "scratch/data", originals = folder / "project/data";
};

}  // namespace

TEST(Eviction, RemovesTheLongestUnusedFirstAndNoMoreThanNeeded) {
  const Scratch s;
  note_use(s.data / "a.h5");
  EXPECT_TRUE(s.make_room(500000));
  EXPECT_TRUE(fs::exists(s.data / "a.h5"));
  EXPECT_FALSE(fs::exists(s.data / "b.h5"));
  EXPECT_TRUE(fs::exists(s.data / "c.h5"));
}

TEST(Eviction, SparesWhatIsHeldAndWhatOnlyScratchHas) {
  const Scratch s;
  const HoldingProcess other([&] { new Lease(s.data / "a.h5"); });
  fs::remove(s.originals / "b.h5");
  EXPECT_FALSE(s.make_room(1500000));
  EXPECT_TRUE(fs::exists(s.data / "c.h5")) << "nothing goes where it is not enough";
  EXPECT_TRUE(s.make_room(500000));
  EXPECT_FALSE(fs::exists(s.data / "c.h5"));
  const std::string hint = removable_by_hand(s.data, s.originals);
  EXPECT_THAT(hint, HasSubstr("a.h5 (1.0 MB): in use by process " + std::to_string(other.number())));
  EXPECT_THAT(hint, HasSubstr("b.h5 (1.0 MB): not in"));
}

TEST(Eviction, NamesRunsAndWhetherTheyAreSafe) {
  const Scratch s;
  make_checkpoint(s.folder / "scratch/runs/one/checkpoints", 5);
  EXPECT_THAT(removable_by_hand(s.data, s.originals),
              testing::ContainsRegex("runs/one .10[0-9.]+ kB.: not all on project storage: first  dltonic sync push one"));
}
