// The table of old keys, in the program and in docs/migration.md.
#include "dltonic/config/migration.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace dltonic::config {
namespace {

TEST(MigrationTest, DocsAndTableNameTheSamePairs) {
  // Rows like: | `base.seed` | `train.seed` | remark |   or, with no new key: | `base.x` | none | remark |
  std::ifstream docs(DLTONIC_SOURCE_DIR "/docs/migration.md");
  ASSERT_TRUE(docs) << "docs/migration.md is missing";
  const std::regex row(R"(\| `([^`]+)` \| (?:`([^`]+)`|none) \|.*)");
  std::map<std::string, std::string> written, compiled;
  std::smatch match;
  for (std::string line; std::getline(docs, line);) {
    if (!std::regex_match(line, match, row)) continue;
    EXPECT_TRUE(written.emplace(match[1], match[2]).second) << "twice in docs/migration.md: " << match[1];
  }
  for (const auto& entry : migrations()) {
    EXPECT_TRUE(compiled.emplace(entry.old_key, entry.new_key).second) << "twice in the table: " << entry.old_key;
  }
  EXPECT_EQ(written, compiled);
}

TEST(MigrationTest, EveryKeyWithoutSuccessorSaysWhatToDo) {
  for (const auto& entry : migrations()) {
    EXPECT_FALSE(entry.new_key.empty() && entry.note.empty()) << entry.old_key;
  }
}

TEST(MigrationTest, Advice) {
  EXPECT_EQ(migration_advice("base.seed"), "the Python tool's base.seed is train.seed here");
  EXPECT_EQ(migration_advice("data.augmentation.probability"),
            "the Python tool had it; here set the single keys data.augmentation.shift, flip_x, flip_y, drop and salt_pepper");
  EXPECT_EQ(migration_advice("train.epochs"), "") << "the same name";
  EXPECT_EQ(migration_advice("base.seeds"), "");
  EXPECT_EQ(migration_advice(""), "");
}

}  // namespace
}  // namespace dltonic::config
