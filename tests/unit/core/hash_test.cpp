#include "dltonic/core/hash.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"

namespace dltonic {
namespace {

// FIPS 180-2, appendix B, and the empty message.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kTwoBlocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr const char* kMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256Test, PublishedKnownAnswers) {
  EXPECT_EQ(sha256_hex(""), kEmpty);
  EXPECT_EQ(sha256_hex("abc"), kAbc);
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), kTwoBlocks);
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')), kMillion);
  const std::string abc = "abc";
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(abc))), kAbc);
}

TEST(Sha256Test, PiecesGiveTheSameAsTheWhole) {
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a'));
  EXPECT_EQ(hash.hex(), kMillion);
}

TEST(Sha256Test, OfAFileAndOfNone) {
  const auto path = std::filesystem::temp_directory_path() / ("dltonic-hash-" + std::to_string(::getpid()));
  write_file_atomic(path, std::string(1'000'000, 'a'));
  EXPECT_EQ(sha256_file(path), kMillion);
  write_file_atomic(path, "");
  EXPECT_EQ(sha256_file(path), kEmpty);
  std::filesystem::remove(path);
  try {
    sha256_file(path);
    FAIL() << "a missing file has no hash";
  } catch (const StorageError& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dltonic
