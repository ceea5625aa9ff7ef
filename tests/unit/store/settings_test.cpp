#include "dltonic/store/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dltonic/store/hdf5_info.h"

using namespace dltonic;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SettingsKey, IsTheSha256OfTheText) {
  EXPECT_EQ(store::settings_key("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, appendix B.1
}

TEST(SettingsDifference, NamesPathsAndBothValues) {
  EXPECT_THAT(
      store::settings_difference(R"({"a":{"b":1,"c":[1,2]},"d":"x"})", R"({"a":{"b":2,"c":[1,2]},"e":true})"),
      ElementsAre("a.b: 1 in the file, 2 wanted", R"(d: "x" in the file, not wanted)", "e: not in the file, true wanted"));
}

TEST(SettingsDifference, IsEmptyForTheSameMeaning) {
  EXPECT_THAT(store::settings_difference(R"({"a":1, "b":2})", R"({"b":2,"a":1})"), IsEmpty());
  EXPECT_THAT(store::settings_difference("no json", "no json"), IsEmpty());
}

TEST(SettingsDifference, TextThatIsNoJsonDiffersAsAWhole) {
  EXPECT_THAT(store::settings_difference("no json", "{}"), ElementsAre(HasSubstr("'no json' in the file, '{}' wanted")));
}

TEST(Hdf5Info, SaysWhatTheLibraryIs) {
  const auto info = store::hdf5_info();
  EXPECT_THAT(info.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_TRUE(info.parallel);
  EXPECT_EQ(info.file_locking, "FALSE");
}
