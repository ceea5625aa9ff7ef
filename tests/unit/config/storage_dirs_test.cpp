// The two places of the program.
#include "dltonic/config/storage_dirs.h"

#include <gmock/gmock.h>

#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "sample_config.h"

namespace dltonic::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class StorageDirsTest : public ConfigTest {
 protected:
  StorageDirsTest() {
    set("SCRATCH_STORAGE_DIR", (folder_ / "s").c_str());
    set("PROJECT_STORAGE_DIR", (folder_ / "p").c_str());
  }
  static std::string fault() {
    try {
      storage_dirs();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(StorageDirsTest, AreMadeAndLeftEmpty) {
  set("SCRATCH_STORAGE_DIR", (folder_ / "deep/er/s").c_str());
  const StorageDirs dirs = storage_dirs();
  EXPECT_EQ(dirs.scratch, folder_ / "deep/er/s");
  EXPECT_EQ(dirs.project, folder_ / "p");
  EXPECT_TRUE(std::filesystem::is_empty(dirs.scratch)) << "the probe is gone";
  EXPECT_TRUE(std::filesystem::is_empty(dirs.project));
  EXPECT_EQ(fault(), "") << "again, now that they exist";
}

TEST_F(StorageDirsTest, DefaultsAreSaidOnce) {
  set("SCRATCH_STORAGE_DIR", nullptr);
  set("PROJECT_STORAGE_DIR", "");
  const auto log_file = folder_ / "log";
  log::add_file(log_file);
  for (int i = 0; i < 2; ++i) {
    const StorageDirs dirs = storage_dirs();
    EXPECT_EQ(dirs.scratch, "./scratch");
    EXPECT_EQ(dirs.project, "./project_storage");
  }
  load({"data.root=${PROJECT_STORAGE_DIR}/nmnist"});
  EXPECT_EQ(options_.dataset_root, "./project_storage/nmnist") << "configurations see the same defaults";
  log::close_file();
  const std::string said = read_text(log_file);
  for (const std::string line :
       {"SCRATCH_STORAGE_DIR is not set: using ./scratch", "PROJECT_STORAGE_DIR is not set: using ./project_storage"}) {
    const std::size_t first = said.find(line);
    ASSERT_NE(first, std::string::npos) << said;
    EXPECT_EQ(said.find(line, first + 1), std::string::npos) << said;
  }
  EXPECT_TRUE(std::filesystem::is_directory(folder_ / "work/scratch"));
}

TEST_F(StorageDirsTest, UnusableOnesNameVariablePathReasonAndWayOut) {
  const std::string file = write("file", "");
  set("SCRATCH_STORAGE_DIR", file.c_str());
  EXPECT_EQ(fault(), "SCRATCH_STORAGE_DIR: cannot use " + file +
                         ": it is not a folder; set SCRATCH_STORAGE_DIR to a folder that you can write to");
  set("SCRATCH_STORAGE_DIR", (file + "/below").c_str());
  EXPECT_EQ(fault(), "SCRATCH_STORAGE_DIR: cannot create folder " + file +
                         "/below: Not a directory; set SCRATCH_STORAGE_DIR to a folder that you can write to");
  set("SCRATCH_STORAGE_DIR", (folder_ / "s").c_str());
  set("PROJECT_STORAGE_DIR", "/proc");  // not even root can make a file there
  EXPECT_THAT(fault(), StartsWith("PROJECT_STORAGE_DIR: cannot write to folder /proc: "));
  EXPECT_THAT(fault(), HasSubstr("set PROJECT_STORAGE_DIR to a folder"));
}

}  // namespace
}  // namespace dltonic::config
