#include "dltonic/events/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/hash.h"

namespace dltonic::events {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kFixture = fs::path(DLTONIC_FIXTURES) / "events_idx";

class Idx : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string be32(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
            static_cast<char>(value)};
  }
  static std::string images_bytes(std::uint32_t count, std::uint32_t height, std::uint32_t width, std::size_t pixels) {
    std::string content = be32(0x803) + be32(count) + be32(height) + be32(width);
    for (std::size_t i = 0; i < pixels; ++i) content += static_cast<char>(i);
    return content;
  }
  fs::path write(const std::string& name, const std::string& content) {
    write_file_atomic(folder_ / name, content);
    return folder_ / name;
  }
  fs::path write_gzip(const std::string& name, const std::string& content) {
    gzFile file = gzopen((folder_ / name).c_str(), "wb");
    EXPECT_EQ(gzwrite(file, content.data(), static_cast<unsigned>(content.size())), static_cast<int>(content.size()));
    gzclose(file);
    return folder_ / name;
  }
  template <class Work>
  static std::string fault_of(Work&& work) {
    try {
      work();
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }
  static std::string image_fault(const fs::path& path) {
    return fault_of([&] { read_idx_images(path); });
  }

  fs::path folder_ = fs::temp_directory_path() / ("dltonic_idx_" + std::to_string(::getpid()));
};

TEST_F(Idx, TheFixtureHoldsWhatItsMakerSays) {
  const auto facts = nlohmann::json::parse(read_text(fs::path(DLTONIC_FIXTURES) / "events_facts.json")).at("images");
  for (const auto& [part, prefix] : {std::pair{Split::train, "train"}, {Split::test, "t10k"}}) {
    const ImageSet set = read_image_set(kFixture, part);
    const auto& fact = facts.at(prefix);
    EXPECT_EQ(set.images.count, fact.at("count").get<std::size_t>());
    EXPECT_EQ(set.images.height, 28);
    EXPECT_EQ(set.images.width, 28);
    EXPECT_EQ(set.labels, fact.at("labels").get<std::vector<std::uint8_t>>());
    EXPECT_EQ(std::accumulate(set.images.pixels.begin(), set.images.pixels.end(), std::uint64_t{0}),
              fact.at("pixel_sum").get<std::uint64_t>());
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(set.images.pixels))), fact.at("sha256").get<std::string>());
  }
}

TEST_F(Idx, PlainAndGzipGiveTheSame) {
  const std::string content = images_bytes(3, 2, 5, 30);
  const IdxImages plain = read_idx_images(write("a", content)), gzip = read_idx_images(write_gzip("b.gz", content));
  EXPECT_EQ(plain.count, 3u);
  EXPECT_EQ(plain.height, 2);
  EXPECT_EQ(plain.width, 5);
  EXPECT_EQ(plain.pixels, gzip.pixels);
  EXPECT_EQ(plain.image(2)[1], 21);
}

TEST_F(Idx, DamageIsNamed) {
  EXPECT_THAT(image_fault(folder_ / "absent"), HasSubstr("cannot be opened"));
  EXPECT_THAT(image_fault(write("magic", be32(0x801) + be32(1))), HasSubstr("magic number 2049, expected 2051"));
  EXPECT_THAT(image_fault(write("empty", "")), HasSubstr("truncated"));
  EXPECT_THAT(image_fault(write("short", images_bytes(3, 2, 5, 29))), HasSubstr("truncated: byte 45 is missing (46 expected)"));
  EXPECT_THAT(image_fault(write("long", images_bytes(3, 2, 5, 31))), HasSubstr("holds more than its header says"));
  EXPECT_THAT(image_fault(write("flat", images_bytes(3, 0, 5, 0))), HasSubstr("images of 5 x 0 pixels"));
  EXPECT_THAT(image_fault(write("huge", images_bytes(0xFFFFFFFF, 65535, 65535, 9))), HasSubstr("truncated"));
  const auto path = write_gzip("cut.gz", images_bytes(300, 28, 28, 300 * 784));
  const std::string whole = read_text(path);
  EXPECT_THAT(image_fault(write("cut.gz", whole.substr(0, whole.size() / 2))), HasSubstr("cut.gz"));
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 0x10);
  EXPECT_THAT(image_fault(write("flipped.gz", flipped)), HasSubstr("flipped.gz"));
  EXPECT_THAT(fault_of([&] { read_idx_labels(write("labels", be32(0x801) + be32(5) + "abcd")); }), HasSubstr("truncated"));
}

TEST_F(Idx, APartIsFoundByItsName) {
  EXPECT_FALSE(has_image_set(folder_, Split::train));
  EXPECT_THAT(fault_of([&] { read_image_set(folder_, Split::test); }),
              HasSubstr("neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz"));
  write_gzip("train-images-idx3-ubyte.gz", images_bytes(3, 2, 5, 30));
  EXPECT_TRUE(has_image_set(folder_, Split::train));
  EXPECT_THAT(fault_of([&] { read_image_set(folder_, Split::train); }), HasSubstr("neither train-labels-idx1-ubyte"));
  write("train-labels-idx1-ubyte", be32(0x801) + be32(2) + std::string("\1\2"));
  EXPECT_THAT(fault_of([&] { read_image_set(folder_, Split::train); }),
              HasSubstr("holds 3 images, train-labels-idx1-ubyte 2 labels"));
  write("train-labels-idx1-ubyte", be32(0x801) + be32(3) + std::string("\1\2\3"));
  EXPECT_EQ(read_image_set(folder_, Split::train).labels, (std::vector<std::uint8_t>{1, 2, 3}));
}

}  // namespace
}  // namespace dltonic::events
