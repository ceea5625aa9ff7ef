/// main() of the tests that run under mpirun: makes the World, prints passing tests on rank 0 only and failures from
/// every rank, ends a test in which ranks wait for each other, and fails the run on all ranks where one failed.
#include "support/mpi_world.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

namespace dltonic::test {
namespace {

comm::World* the_world = nullptr;
std::vector<std::filesystem::path> folders;
constexpr double kTestLimitSeconds = 100;

/// What ranks other than 0 print.
class FailuresOnly : public testing::EmptyTestEventListener {
  // Noted beforehand: UnitTest::current_test_info() takes the lock that is held while OnTestPartResult runs.
  void OnTestStart(const testing::TestInfo& test) override { name_ = std::string(test.test_suite_name()) + "." + test.name(); }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::ostringstream line;
    line << "[ rank " << the_world->rank() << " ] " << name_ << ' ' << (result.file_name() ? result.file_name() : "") << ':'
         << result.line_number() << ": " << result.message() << '\n';
    std::cerr << line.str() << std::flush;
  }
  std::string name_;
};

/// A rank that leaves a test early leaves the others in a collective: the watchdog ends such a run, by the test's name.
class Limit : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override {
    phase_.reset();
    phase_ = std::make_unique<comm::Phase>(the_world->impl(), std::string("test ") + test.test_suite_name() + "." + test.name(),
                                           kTestLimitSeconds);
  }
  void OnTestEnd(const testing::TestInfo&) override { phase_.reset(); }
  std::unique_ptr<comm::Phase> phase_;
};

}  // namespace

comm::World& world() { return *the_world; }

std::filesystem::path shared_folder() {
  std::string path;
  if (world().is_root()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "dltonic-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) world().abort("cannot make a folder for the test: " + pattern, 1);
    path = pattern;
  }
  path = world().broadcast(path);
  if (world().is_root()) folders.emplace_back(path);
  return path;
}

}  // namespace dltonic::test

int main(int argc, char** argv) {
  using namespace dltonic;
  int failed = 0;
  {
    comm::World world(argc, argv);
    test::the_world = &world;
    testing::InitGoogleTest(&argc, argv);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    if (!world.is_root()) {
      delete listeners.Release(listeners.default_result_printer());
      listeners.Append(new test::FailuresOnly);
    }
    listeners.Append(new test::Limit);
    failed = RUN_ALL_TESTS() != 0;
    const auto ranks = world.sum(std::int64_t{failed});
    if (ranks > 0 && world.is_root()) std::cerr << "[  FAILED  ] on " << ranks << " of " << world.size() << " ranks\n";
    failed = ranks > 0;
    for (const auto& folder : test::folders) {
      std::error_code ignored;
      std::filesystem::remove_all(folder, ignored);
    }
  }
  return failed;
}
