// Recordings made from image folders and from nothing, as prepare reads them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/image_file.h"
#include "dltonic/events/source.h"

namespace dltonic::events {
namespace {

namespace fs = std::filesystem;

class SimulatedSources : public testing::Test {
 protected:
  SimulatedSources() : root_(fs::temp_directory_path() / cat("dltonic_simulated_", ::getpid())) { fs::remove_all(root_); }
  ~SimulatedSources() override { fs::remove_all(root_); }

  /// A PGM with a bright bar whose place `at` tells images apart.
  void write_image(const std::string& name, int width, int height, int at) {
    fs::create_directories((root_ / name).parent_path());
    std::string pixels(static_cast<std::size_t>(width * height), '\0');
    for (int y = 0; y < height; ++y) pixels[static_cast<std::size_t>(y * width + at % width)] = static_cast<char>(250);
    std::ofstream(root_ / name, std::ios::binary) << "P5 " << width << ' ' << height << " 255\n" << pixels;
  }
  SourceOptions images() const {
    SourceOptions options;
    options.root = root_.string();
    options.format = "images";
    return options;
  }
  static Events read(const RecordingSource& source, std::size_t i) {
    Recording recording;
    source.read(i, recording);
    EXPECT_EQ(recording.label, source.item(i).label);
    EXPECT_NO_THROW(check_inside(recording.events, source.width(), source.height()));
    EXPECT_NO_THROW(check_times(recording.events));
    return recording.events;
  }
  fs::path root_;
};

TEST_F(SimulatedSources, ClassFoldersOfImagesAreSimulated) {
  for (const char* label : {"bird", "ant"}) {
    for (int i = 0; i < 3; ++i) write_image(cat("Train/", label, "/", i, ".pgm"), 28, 28, 5 + i);
    write_image(cat("Test/", label, "/9.pgm"), 28, 28, 20);
  }
  std::ofstream(root_ / "Train" / "ant" / "readme.txt") << "no image";
  const auto source = make_source(images());
  ASSERT_EQ(source->size(), 8u);
  EXPECT_EQ(source->classes(), (std::vector<std::string>{"ant", "bird"}));
  EXPECT_EQ(source->item(0).name, "Train/ant/0.pgm");
  EXPECT_EQ(source->item(7).split, Split::test);
  // The simulator itself, with the place in the list as index.
  const Simulator simulator({}, 28, 28);
  std::ifstream file(root_ / "Train" / "bird" / "1.pgm", std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const GreyImage image = decode_image(std::as_bytes(std::span(text)));
  Events wanted;
  simulator.simulate(image.pixels, 4, wanted);
  EXPECT_EQ(read(*source, 4).t, wanted.t);
  simulator.simulate(image.pixels, (1u << 31) + 1, wanted);
  EXPECT_NE(read(*source, 7).t, wanted.t);  // another image
  EXPECT_FALSE(source->fingerprint_is_content());
}

TEST_F(SimulatedSources, ImagesOfUnequalSizeAreScaledWhereAskedAndRefusedOtherwise) {
  write_image("a/0.pgm", 20, 30, 3);
  write_image("b/0.pgm", 30, 20, 3);
  SourceOptions options = images();
  const auto fixed = make_source(options);
  EXPECT_GT(read(*fixed, 0).size(), 0u);
  Recording recording;
  EXPECT_THROW(fixed->read(1, recording), DataError);
  options.simulator.image_width = 40;
  options.simulator.image_height = 40;
  options.simulator.motion = "loop";
  options.simulator.loops = 1;
  options.sensor_width = options.sensor_height = 36;
  const auto source = make_source(options);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_GT(read(*source, i).size(), 0u);
  EXPECT_EQ(source->item(0).split, Split::none);
  EXPECT_NE(source->fingerprint(), fixed->fingerprint());
}

TEST_F(SimulatedSources, AnIdxImageMayBeScaledToo) {
  SourceOptions options;
  options.format = "idx";
  options.root = std::string(DLTONIC_FIXTURES) + "/events_idx";
  const auto plain = make_source(options);
  options.sensor_width = options.sensor_height = 64;
  options.simulator.image_width = options.simulator.image_height = 56;
  const auto larger = make_source(options);
  EXPECT_GT(read(*larger, 0).size(), read(*plain, 0).size());
  EXPECT_NE(larger->fingerprint(), plain->fingerprint());
}

TEST_F(SimulatedSources, FoldersWithoutImagesAndDamagedImagesAreNamed) {
  fs::create_directories(root_ / "a");
  EXPECT_THROW(make_source(images()), DataError);
  write_image("a/0.pgm", 28, 28, 1);
  std::ofstream(root_ / "a" / "1.png", std::ios::binary) << "\x89PNG\r\n\x1a\n and no more";
  const auto source = make_source(images());
  Recording recording;
  try {
    source->read(1, recording);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("a/1.png"), std::string::npos) << error.what();
  }
}

TEST_F(SimulatedSources, StrokesNeedNoFilesAndTheirClassesTheirOrder) {
  SourceOptions options;
  options.format = "strokes";
  options.sensor_width = options.sensor_height = 32;
  options.strokes.classes = 3;
  options.strokes.train = 2;
  options.strokes.test = 1;
  const auto source = make_source(options);
  ASSERT_EQ(source->size(), 9u);
  EXPECT_EQ(source->classes()[0], "right-down-left-up");
  EXPECT_EQ(source->item(3).label, 1);
  EXPECT_EQ(source->item(6).split, Split::test);
  const Events first = read(*source, 0), other_class = read(*source, 2), other_group = read(*source, 1);
  EXPECT_EQ(first.size(), other_class.size());  // the same group in another order
  EXPECT_NE(first.x, other_class.x);
  EXPECT_NE(first.size(), other_group.size());
  EXPECT_TRUE(source->fingerprint_is_content());
  options.simulator.seed = 1;
  EXPECT_NE(make_source(options)->fingerprint(), source->fingerprint());
}

}  // namespace
}  // namespace dltonic::events
