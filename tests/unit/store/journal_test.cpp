#include "dltonic/store/journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "unit/store/folders.h"

using namespace dltonic::store;
using namespace dltonic::test;

TEST(Journal, IsReadAgainByTheNextProcess) {
  const TemporaryFolder folder;
  {
    Journal journal(folder / "checkpoints");
    journal.record("step-1", Place::scratch, "aa");
    journal.record("step-1", Place::project, "aa");
    journal.record("step-2", Place::scratch, "bb");
    journal.forget("step-1", Place::scratch);
  }
  std::ofstream(folder / "checkpoints" / kJournalFile, std::ios::app) << "\n{\"checkpoint\":\"step-3\",\"pla";  // a crash
  Journal journal(folder / "checkpoints");
  EXPECT_EQ(journal.verified_places("step-1"), std::vector{Place::project});
  EXPECT_EQ(journal.verified_places("step-2"), std::vector{Place::scratch});
  EXPECT_TRUE(journal.verified_places("step-3").empty());
  journal.record("step-4", Place::scratch, "cc");
  EXPECT_TRUE(Journal(folder / "checkpoints").verified("step-4", Place::scratch));
}

TEST(Journal, NeverLetsTheLastVerifiedCopyGo) {
  const TemporaryFolder folder;
  Journal journal(folder.path());
  EXPECT_FALSE(journal.may_remove("step-1", Place::scratch)) << "nothing is known";
  journal.record("step-1", Place::scratch, "aa");
  EXPECT_FALSE(journal.may_remove("step-1", Place::scratch));
  EXPECT_TRUE(journal.may_remove("step-9", Place::scratch)) << "one that was never verified, beside one that was";
  journal.record("step-1", Place::project, "aa");
  EXPECT_TRUE(journal.may_remove("step-1", Place::scratch));
  journal.forget("step-1", Place::scratch);
  EXPECT_FALSE(journal.may_remove("step-1", Place::project));
  journal.record("step-2", Place::scratch, "bb");
  EXPECT_TRUE(journal.may_remove("step-1", Place::project));
}
