/// A fixture of tests on several ranks.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "support/mpi_world.h"

namespace dltonic::data {

/// An empty folder of this test, the same on all ranks.
class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    const std::string name = test::world().broadcast(std::string("dltonic_") + test->name() + std::to_string(::getpid()));
    folder_ = std::filesystem::temp_directory_path() / name;
  }
  void TearDown() override {
    test::world().barrier();
    if (test::world().is_root()) std::filesystem::remove_all(folder_);
  }
  std::filesystem::path folder_;
};

}  // namespace dltonic::data
