#include "dltonic/report/sinks.h"

#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "temporary_folder.h"

namespace dltonic::report {
namespace {

TEST(Sinks, OptionsDecideWhatARunDirectoryGets) {
  const TemporaryFolder folder;
  Options options;
  options.tensorboard = false;
  EXPECT_EQ(make_sinks(options, folder.path()).size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "metrics.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "tensorboard"));
  options.tensorboard = true;
  EXPECT_EQ(make_sinks(options, folder.path()).size(), 2u);
  EXPECT_FALSE(std::filesystem::is_empty(folder.path() / "tensorboard"));
}

TEST(TensorBoardSink, EachSinkHasAFileOfItsOwn) {
  const TemporaryFolder folder;
  const auto first = make_tensorboard_sink(folder.path()), second = make_tensorboard_sink(folder.path());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

TEST(TensorBoardSink, AFileInTheFoldersPlaceIsAnError) {
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "tensorboard", "");
  EXPECT_THROW(make_tensorboard_sink(folder.path() / "tensorboard"), StorageError);
}

}  // namespace
}  // namespace dltonic::report
