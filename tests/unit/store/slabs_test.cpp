#include "store/slabs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "dltonic/core/error.h"
#include "unit/store/folders.h"

namespace dltonic::store {
namespace {

using test::noise;
using test::put;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

/// On tmpfs, which may take no O_DIRECT, and on the build tree's file system, which most likely does.
const std::filesystem::path kFolders[] = {"/dev/shm", std::filesystem::current_path()};

class Slabs : public testing::TestWithParam<std::filesystem::path> {
 protected:
  Slabs() : file_(GetParam() / ("dltonic-slabs-" + std::to_string(::getpid()))) {}
  ~Slabs() override { std::filesystem::remove(file_); }
  std::string content() const { return read_text(file_); }
  std::string refused(std::span<const Slab> slabs, std::uint64_t begin, std::uint64_t end) const {
    try {
      read_back(file_, slabs, begin, end);
    } catch (const StorageError& error) {
      return error.what();
    }
    return "not refused";
  }
  void flip(std::uint64_t at) const {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(old ^ 1));
  }
  std::filesystem::path file_;
};
INSTANTIATE_TEST_SUITE_P(Places, Slabs, testing::ValuesIn(kFolders),
                         [](const auto& place) { return std::string(place.index == 0 ? "SharedMemory" : "BuildTree"); });

TEST_P(Slabs, PartsWrittenApartMakeTheFileAndItsChecksum) {
  // A file of 9.3 MB; slabs begin and end anywhere, lie anywhere in memory, and cross the ends of parts and blocks.
  std::string expected = noise(9'300'001);
  const std::string memory = noise(9'400'000, 7);
  const auto* const bytes = reinterpret_cast<const std::byte*>(memory.data());
  const std::vector<Slab> slabs{{"odd", 5, bytes + 3, 100'000},
                                {"none", 100'005, nullptr, 0},
                                {"pages", 4096 * 25, bytes + 500'000, 4096 * 700},
                                {"long", 4096 * 800 + 8, bytes + 3'600'001, 5'600'000},
                                {"last", 9'299'999, bytes, 2}};
  for (const Slab& slab : slabs) {
    if (slab.bytes > 0) std::memcpy(expected.data() + slab.at, slab.data, slab.bytes);
  }
  put(file_, noise(9'300'001));
  std::vector<BlockDigest> digests;
  const std::vector<std::uint64_t> parts{0, 3 * kChecksumBlock, 3 * kChecksumBlock, 8 * kChecksumBlock, 9'300'001};
  for (std::size_t p = 0; p + 1 < parts.size(); ++p) write_slabs(file_, slabs, parts[p], parts[p + 1]);
  EXPECT_TRUE(content() == expected);
  for (std::size_t p = 0; p + 1 < parts.size(); ++p) {
    const auto some = read_back(file_, slabs, parts[p], parts[p + 1]);
    digests.insert(digests.end(), some.begin(), some.end());
  }
  EXPECT_EQ(checksum_of(digests), checksum(expected));
}

TEST_P(Slabs, WhatDoesNotReadBackAsItWasWrittenIsNamed) {
  const std::string text = noise(3'000'000);
  const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
  put(file_, text);
  const std::vector<Slab> slabs{{"early", 10, bytes + 10, 1'400'000}, {"late", 1'500'000, bytes + 1'500'000, 1'500'000}};
  EXPECT_EQ(refused(slabs, 0, text.size()), "not refused");
  for (const std::uint64_t at : {10u, 131'071u, 131'072u, 1'048'576u, 1'400'009u, 1'500'000u, 2'999'999u}) {
    flip(at);
    EXPECT_THAT(refused(slabs, 0, text.size()),
                AllOf(HasSubstr("does not read back as it was written"), HasSubstr(at < 1'450'000 ? "early" : "late")))
        << at;
    EXPECT_EQ(refused(slabs, 0, text.size()) == "not refused", false);
    EXPECT_EQ(refused(slabs, kChecksumBlock, text.size()) == "not refused", at < kChecksumBlock) << "only its own part";
    flip(at);
  }
  flip(1'450'000);  // nobody's byte
  EXPECT_EQ(refused(slabs, 0, text.size()), "not refused");
  std::filesystem::resize_file(file_, 2'000'000);
  EXPECT_THAT(refused(slabs, 0, text.size()), AllOf(HasSubstr("2000000 bytes"), HasSubstr("3000000 expected")));
}

TEST_P(Slabs, AValueThatIsNotFiniteIsFoundWhereverItLies) {
  std::vector<float> floats(700'000, 1.5f);
  std::vector<double> doubles(90'000, -2.0);
  const auto as_bytes = [](const auto& values) { return reinterpret_cast<const std::byte*>(values.data()); };
  const std::vector<Slab> slabs{{"small", 3, as_bytes(floats), 40, DType::f32, true},  // begins in the middle of a number
                                {"single", 4096, as_bytes(floats), 4 * floats.size(), DType::f32, true},
                                {"double", 3'000'000, as_bytes(doubles), 8 * doubles.size(), DType::f64, true}};
  std::vector<Slab> any = slabs;
  for (Slab& slab : any) slab.finite = false;
  const std::uint64_t end = 3'000'000 + 8 * doubles.size();
  const auto said = [&](const std::vector<Slab>& which) {
    put(file_, std::string(end, '\0'));
    write_slabs(file_, which, 0, end);
    return refused(which, 0, end);
  };
  EXPECT_EQ(said(slabs), "not refused");
  for (const std::size_t at : {std::size_t{9}, std::size_t{31'744}, std::size_t{699'999}}) {
    floats[at] = at == 9 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(said(slabs), AllOf(HasSubstr(at == 9 ? "small" : "single"), HasSubstr("not finite"))) << at;
    EXPECT_EQ(said(any), "not refused");
    floats[at] = 1;
  }
  doubles.back() = std::numeric_limits<double>::infinity();
  EXPECT_THAT(said(slabs), HasSubstr("double"));
}

TEST_P(Slabs, AFileThatIsGoneIsAStorageError) {
  const std::vector<Slab> none;
  EXPECT_THROW(write_slabs(file_, none, 0, 1), StorageError);
  EXPECT_THROW(read_back(file_, none, 0, 1), StorageError);
}

}  // namespace
}  // namespace dltonic::store
