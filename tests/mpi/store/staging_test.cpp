#include "dltonic/store/staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "mpi/store/store_support.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;
using testing::HasSubstr;

namespace {
struct Places {
  Places()
      : folder(test::shared_folder()),
        from(folder / "project" / "f.h5"),
        to(folder / "scratch" / "data" / "f.h5"),
        content(9 << 20, 'a') {
    content[12345] = 'b';
    if (world().is_root()) {
      make_directories(from.parent_path());
      write_file_atomic(from, content);
    }
    world().barrier();
  }
  std::filesystem::path folder, from, to;
  std::string content;
};
}  // namespace

TEST(Staging, CopiesOnceAndKeepsAGoodCopy) {
  const Places p;
  {
    const auto first = store::stage_file(world(), p.from, p.to);
    EXPECT_TRUE(first.copied);
    EXPECT_EQ(first.bytes, p.content.size());
    EXPECT_EQ(read_text(p.to), p.content);
  }
  EXPECT_FALSE(store::stage_file(world(), p.from, p.to).copied);
  world().barrier();  // every host's lease is given back
  EXPECT_THAT(test::names_in(p.to.parent_path()), testing::UnorderedElementsAre(".dltonic-copies.jsonl", "f.h5"));
}

TEST(Staging, ACopyIsHeldWhileItIsUsed) {
  const Places p;
  {
    const auto staged = store::stage_file(world(), p.from, p.to);
    EXPECT_EQ(staged.lease != nullptr, world().local_rank() == 0);
    EXPECT_EQ(store::living_leases(p.to).size(), 1u);
    world().barrier();
  }
  world().barrier();
  EXPECT_TRUE(store::living_leases(p.to).empty());
}

TEST(Staging, CopiesAgainWhereTheSourceIsNewerOrTheCopyWasCut) {
  const Places p;
  store::stage_file(world(), p.from, p.to);
  if (world().is_root()) write_file_atomic(p.from, "new and short");
  world().barrier();
  EXPECT_TRUE(store::stage_file(world(), p.from, p.to).copied);
  EXPECT_EQ(read_text(p.to), "new and short");
  world().barrier();
  if (world().is_root()) std::filesystem::resize_file(p.to, 3);
  world().barrier();
  EXPECT_TRUE(store::stage_file(world(), p.from, p.to).copied);
  EXPECT_EQ(read_text(p.to), "new and short");
}

TEST(Staging, OnePlaceForBothIsNoCopy) {
  const Places p;
  EXPECT_FALSE(store::stage_file(world(), p.from, p.from).copied);
  EXPECT_EQ(read_text(p.from), p.content);
}

TEST(Staging, AMissingSourceIsAnAgreedError) {
  const Places p;
  try {
    store::stage_file(world(), p.folder / "none.h5", p.to);
    FAIL() << "nothing was thrown";
  } catch (const DataError& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_THAT(error.what(), HasSubstr("none.h5"));
  }
}
