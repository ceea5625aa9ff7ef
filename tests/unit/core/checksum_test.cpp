#include "dltonic/core/checksum.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"

namespace dltonic {
namespace {

/// Any bytes.
std::string bytes(std::size_t count) {
  std::string text(count, '\0');
  std::uint32_t seed = 1;
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

/// By libxxhash 0.8.1 and the line of Python in checksum.h; the first is XXH3's published answer for nothing.
const std::pair<std::size_t, const char*> kKnown[] = {
    {0, "xxh3:99aa06d3014798d86001c324468d497f"},       {3, "xxh3:842218f015bfe150f846355c426a944d"},
    {1048575, "xxh3:59e70fd97f1d2f352e3069bae91ccd4c"}, {1048576, "xxh3:9c9b38c081331acf5ed42e4f0ae07856"},
    {1048577, "xxh3:181d861d064f3e793871b42860091f89"}, {2109497, "xxh3:3c399db2cee41e8e635fbadb99c14029"}};

TEST(ChecksumTest, KnownAnswers) {
  for (const auto& [count, answer] : kKnown) EXPECT_EQ(checksum(bytes(count)), answer) << count;
}

TEST(ChecksumTest, PiecesGiveTheSameAsTheWhole) {
  const std::string content = bytes(2109497);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4096}, std::size_t{1'000'003}}) {
    Checksum sum;
    for (std::size_t at = 0; at < content.size(); at += piece)
      sum.update(std::as_bytes(std::span(content)).subspan(at, std::min(piece, content.size() - at)));
    EXPECT_EQ(sum.text(), kKnown[5].second) << piece;
  }
}

TEST(ChecksumTest, BlocksSummedApartMakeTheWhole) {
  const std::string content = bytes(2109497);
  std::vector<BlockDigest> digests;
  for (std::size_t at = 0; at < content.size(); at += kChecksumBlock) {
    BlockSum block;
    block.update(std::as_bytes(std::span(content)).subspan(at, std::min(kChecksumBlock, content.size() - at)));
    digests.push_back(block.next());
  }
  EXPECT_EQ(checksum_of(digests), kKnown[5].second);
}

TEST(ChecksumTest, OfAFileAndOfNone) {
  const auto path = std::filesystem::temp_directory_path() / ("dltonic-checksum-" + std::to_string(::getpid()));
  for (const auto& [count, answer] : kKnown) {
    write_file_atomic(path, bytes(count));
    EXPECT_EQ(checksum_file(path), answer) << count;
  }
  std::filesystem::remove(path);
  try {
    checksum_file(path);
    FAIL() << "a missing file has no checksum";
  } catch (const StorageError& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dltonic
