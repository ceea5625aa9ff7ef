#include "dltonic/core/error.h"

#include <gtest/gtest.h>

namespace dltonic {
namespace {

template <class Kind>
class TypedError : public ::testing::Test {};
using Kinds = ::testing::Types<ConfigError, DataError, StorageError, CommError, DeviceError, StopError>;
TYPED_TEST_SUITE(TypedError, Kinds);

TYPED_TEST(TypedError, KeepsTypeCodeAndAgreementAcrossContext) {
  for (const bool agreed : {false, true}) {
    TypeParam original("the disk is full");
    if (agreed) original.set_agreed();
    try {
      with_context("step 7", [&] { with_context("a.h5", [&] { throw original; }); });
      FAIL();
    } catch (const TypeParam& error) {
      EXPECT_STREQ(error.what(), "step 7: a.h5: the disk is full");
      EXPECT_EQ(error.exit_code(), original.exit_code());
      EXPECT_EQ(error.agreed(), agreed);
    }
  }
}

TYPED_TEST(TypedError, CrossesRanksByItsName) {
  const TypeParam original("x");
  try {
    throw_error(error_kind(original), "rank 2: x", true);
  } catch (const TypeParam& error) {
    EXPECT_STREQ(error.what(), "rank 2: x");
    EXPECT_TRUE(error.agreed());
    EXPECT_EQ(error_kind(error), error_kind(original));
  }
}

TEST(ErrorTest, ExitCodesAreThoseOfTheContract) {
  EXPECT_EQ(ConfigError("").exit_code(), 2);
  EXPECT_EQ(DataError("").exit_code(), 2);
  EXPECT_EQ(StorageError("").exit_code(), 1);
  EXPECT_EQ(CommError("").exit_code(), 1);
  EXPECT_EQ(DeviceError("").exit_code(), 1);
  EXPECT_EQ(kExitRunAgain, 75);
}

TEST(ErrorTest, OtherExceptionsAreFailuresAndPassContextUnchanged) {
  EXPECT_EQ(error_kind(std::runtime_error("x")), "Error");
  EXPECT_THROW(with_context("c", [] { throw std::out_of_range("x"); }), std::out_of_range);
  try {
    throw_error("Error", "x", false);
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 1);
    EXPECT_EQ(error_kind(error), "Error");
  }
}

TEST(ErrorTest, ContextReturnsWhatTheWorkReturns) {
  int value = 3;
  static_assert(std::is_same_v<decltype(with_context("c", [&]() -> int& { return value; })), int&>);
  EXPECT_EQ(with_context("c", [&] { return value + 1; }), 4);
}

}  // namespace
}  // namespace dltonic
