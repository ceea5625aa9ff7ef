#include "dltonic/core/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

#include "dltonic/core/error.h"

namespace dltonic {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  FileTest() {
    std::string name = (fs::temp_directory_path() / "dltonic-file-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    folder_ = name;
  }
  ~FileTest() override { fs::remove_all(folder_); }

  static std::string fault(const std::function<void()>& work) {
    try {
      work();
    } catch (const StorageError& error) {
      return error.what();
    }
    return "";
  }
  /// What lies in the folder, hidden files too.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& item : fs::directory_iterator(folder_)) found.push_back(item.path().filename().string());
    return found;
  }

  fs::path folder_;
};

/// Files of this process cannot grow beyond `bytes` while it lives: what a full disk does to a write, without a disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);  // the write fails with EFBIG instead
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(FileTest, OnlyTemporariesOfTheKilledAreRemoved) {
  for (const char* name : {"a", "a.tmp.123", "b.c.tmp.9", "a.part", "tmp", "notes.tmp.md", "x.tmp.1.old"})
    write_file_atomic(folder_ / name, name);
  EXPECT_TRUE(is_temporary("latest.tmp.23394"));
  EXPECT_FALSE(is_temporary("tmp"));
  remove_temporaries(folder_);
  EXPECT_THAT(names(), ::testing::UnorderedElementsAre("a", "a.part", "tmp", "notes.tmp.md", "x.tmp.1.old"));
  remove_temporaries(folder_ / "not there");
}

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const std::string content("line\0 two\n\xff", 11);
  write_file_atomic(folder_ / "a", content);
  EXPECT_EQ(read_text(folder_ / "a"), content);
  EXPECT_EQ(read_file(folder_ / "a").size(), 11u);
  write_file_atomic(folder_ / "a", "");
  EXPECT_EQ(read_text(folder_ / "a"), "");
  EXPECT_THAT(names(), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, AFolderReadsWholeFilesIntoOneBufferWhateverLengthIsExpected) {
  make_directories(folder_ / "below");
  const Folder folder(folder_);
  std::vector<std::byte> buffer;
  for (const std::size_t length : {1000u, 2u, 0u, 100'000u, 1000u}) {
    const std::string content(length, static_cast<char>('a' + length % 7));
    write_file_atomic(folder_ / "below/file", content);
    for (const std::size_t expected : {std::size_t{0}, length / 2, length, length + 1, 3 * length}) {
      const auto read = folder.read("below/file", expected, buffer);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(read.data()), read.size()), content) << "expected " << expected;
    }
  }
  const auto* memory = buffer.data();
  EXPECT_EQ(folder.read("below/file", 1000, buffer).data(), memory);
  EXPECT_EQ(fault([&] { folder.read("below/gone", 5, buffer); }),
            "cannot open " + (folder_ / "below/gone").string() + ": No such file or directory");
  EXPECT_THAT(fault([&] { folder.read("below", 5, buffer); }), HasSubstr("Is a directory"));
  EXPECT_THAT(fault([&] { Folder(folder_ / "below/file"); }), HasSubstr("Not a directory"));
}

TEST_F(FileTest, AWriteThatFailsLeavesTheOldContentAndNoTemporaryFile) {
  write_file_atomic(folder_ / "a", "old");
  std::string said;
  {
    const FileSizeLimit limit(1000);
    said = fault([&] { write_file_atomic(folder_ / "a", std::string(5000, 'n')); });
  }
  EXPECT_THAT(said, HasSubstr("cannot write " + (folder_ / "a").string()));
  EXPECT_THAT(said, HasSubstr("File too large"));
  EXPECT_EQ(read_text(folder_ / "a"), "old");
  EXPECT_THAT(names(), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, ARenameThatFailsLeavesNoTemporaryFile) {
  fs::create_directories(folder_ / "a/b");  // a file cannot take the place of a folder
  EXPECT_THAT(fault([&] { write_file_atomic(folder_ / "a", "new"); }), HasSubstr("Is a directory"));
  EXPECT_THAT(names(), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, FaultsNameThePathAndTheSystemsReason) {
  const fs::path gone = folder_ / "gone/file";
  EXPECT_EQ(fault([&] { write_file_atomic(gone, "x"); }),
            "cannot open " + gone.parent_path().string() + ": No such file or directory");
  EXPECT_FALSE(fs::exists(folder_ / "gone"));
  EXPECT_EQ(fault([&] { read_file(gone); }), "cannot open " + gone.string() + ": No such file or directory");
  EXPECT_THAT(fault([&] { read_file(folder_); }), HasSubstr("Is a directory"));
  write_file_atomic(folder_ / "file", "x");
  EXPECT_EQ(fault([&] { make_directories(folder_ / "file/below"); }),
            "cannot create folder " + (folder_ / "file/below").string() + ": Not a directory");
  EXPECT_THAT(fault([&] { rename_durably(gone, folder_ / "b"); }), HasSubstr("cannot rename " + gone.string() + " to "));
  EXPECT_THAT(fault([&] { sync_path(gone); }), HasSubstr(gone.string()));
}

TEST_F(FileTest, FoldersWithTheirParentsAndRenames) {
  make_directories(folder_ / "x/y/z");
  make_directories(folder_ / "x/y/z");
  EXPECT_TRUE(fs::is_directory(folder_ / "x/y/z"));
  rename_durably(folder_ / "x/y/z", folder_ / "w");
  EXPECT_TRUE(fs::is_directory(folder_ / "w"));
  sync_path(folder_ / "w");
}

}  // namespace
}  // namespace dltonic
