#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "support/mpi_world.h"

using namespace dltonic;
using test::world;
using testing::HasSubstr;

namespace {

/// What agree() throws on this rank.
template <class Kind>
std::string message_of(const std::function<void()>& work) {
  try {
    world().agree("the test", work);
  } catch (const Kind& error) {
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(typeid(error), typeid(Kind));
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace

TEST(Agree, IsSilentWhereAllIsWell) {
  int runs = 0;
  world().agree("the test", [&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(Agree, ARankThatThrowsMakesAllThrowItsError) {
  const int bad = world().size() - 1;
  const auto message = message_of<DataError>([&] {
    if (world().rank() == bad) throw DataError("a/b.bin: cut at byte 7;\nget it again");
  });
  EXPECT_THAT(message, HasSubstr("a/b.bin: cut at byte 7;\nget it again"));
  if (world().size() > 1) {
    EXPECT_THAT(message, HasSubstr(cat("rank ", bad, " of ", world().size())));
  }
  EXPECT_THAT(world().gather(message), testing::Each(message));  // the same text everywhere
}

TEST(Agree, TheLowestFailingRankSpeaksAndTheOthersAreCounted) {
  if (world().size() < 3) {
    const auto message = message_of<ConfigError>([&] { throw ConfigError(cat("fault of ", world().rank())); });
    EXPECT_THAT(message, HasSubstr("fault of 0"));
    return;
  }
  const auto message = message_of<ConfigError>([&] {
    if (world().rank() == 1) throw ConfigError("fault of 1");
    if (world().rank() == 2) throw StorageError("fault of 2");
  });
  EXPECT_THAT(message, HasSubstr("fault of 1"));
  EXPECT_THAT(message, HasSubstr("rank 1 and 1 more"));
}

TEST(Agree, EveryKindKeepsItsTypeAndExitCode) {
  const auto last = [] { return world().rank() == world().size() - 1; };
  EXPECT_THAT(message_of<StorageError>([&] {
                if (last()) throw StorageError("disk");
              }),
              HasSubstr("disk"));
  EXPECT_THAT(message_of<CommError>([&] {
                if (last()) throw CommError("wire");
              }),
              HasSubstr("wire"));
  EXPECT_THAT(message_of<DeviceError>([&] {
                if (last()) throw DeviceError("card");
              }),
              HasSubstr("card"));
  EXPECT_THAT(message_of<Error>([&] {
                if (last()) throw std::bad_alloc();
              }),
              HasSubstr("the test: out of memory"));
  EXPECT_THAT(message_of<Error>([&] {
                if (last()) throw std::out_of_range("index 7");
              }),
              HasSubstr("the test: index 7"));
  EXPECT_THAT(message_of<Error>([&] {
                if (last()) throw 42;
              }),
              HasSubstr("unknown exception"));
}

TEST(Agree, TheWorldGoesOnAfterwards) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(world().agree("the test",
                               [&] {
                                 if (i % world().size() == world().rank()) throw DataError("no");
                               }),
                 DataError);
    EXPECT_EQ(world().sum(std::int64_t{1}), world().size());
  }
}
