#include "dltonic/report/event_pictures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace dltonic::report {
namespace {

events::Events made_of(std::initializer_list<std::array<std::uint32_t, 4>> rows) {
  events::Events events;
  for (const auto& [x, y, t, p] : rows) {
    events.x.push_back(static_cast<std::uint16_t>(x));
    events.y.push_back(static_cast<std::uint16_t>(y));
    events.t.push_back(t);
    events.p.push_back(static_cast<std::uint8_t>(p));
  }
  return events;
}

Colour colour_of(const Image& image, int x, int y) { return event_palette()[image.at(x, y)]; }

TEST(EventPictures, SlicesHaveEveryEventInItsColourAndTime) {
  const auto events = made_of({{0, 0, 100, 1}, {2, 1, 149, 0}, {1, 1, 150, 0}, {1, 1, 180, 1}, {0, 1, 200, 1}});
  const auto slices = slices_over_time(events, 3, 2, 2);
  ASSERT_EQ(slices.size(), 2u);
  const auto white = [](Colour c) { return c == Colour{255, 255, 255}; };
  const auto red = [](Colour c) { return c.red > c.blue && c.blue == c.green; };
  const auto blue = [](Colour c) { return c.blue > c.red && c.red == c.green; };
  EXPECT_TRUE(red(colour_of(slices[0], 0, 0)));
  EXPECT_TRUE(blue(colour_of(slices[0], 2, 1)));
  EXPECT_TRUE(white(colour_of(slices[0], 1, 1)));
  EXPECT_TRUE(white(colour_of(slices[1], 0, 0)));
  EXPECT_TRUE(red(colour_of(slices[1], 0, 1)));  // the last event belongs to the last slice
  const Colour both = colour_of(slices[1], 1, 1);
  EXPECT_GT(both.red, both.green);
  EXPECT_EQ(both.red, both.blue);
}

TEST(EventPictures, MoreEventsAreDarkerAndNoneIsBlack) {
  events::Events events;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    const bool many = n >= 10;
    events.x.push_back(many ? 1 : 0);
    events.y.push_back(0);
    events.t.push_back(n);
    events.p.push_back(n % 2 == 0 ? 1 : 0);
  }
  const Image slice = slices_over_time(events, 3, 1, 1).front();
  EXPECT_GT(colour_of(slice, 0, 0).green, colour_of(slice, 1, 0).green);
  EXPECT_NE(colour_of(slice, 1, 0), (Colour{0, 0, 0}));
  EXPECT_EQ(colour_of(slice, 2, 0), (Colour{255, 255, 255}));
}

TEST(EventPictures, AnEmptyRecordingIsWhite) {
  for (const Image& slice : slices_over_time({}, 4, 3, 5))
    EXPECT_TRUE(std::all_of(slice.pixels.begin(), slice.pixels.end(), [](std::uint8_t p) { return p == 0; }));
  EXPECT_EQ(event_cloud({}, 4, 3, 80, 60, 10).width, 80);
}

TEST(EventPictures, ASheetHoldsAllPicturesInOrder) {
  std::vector<Image> images;
  for (int i = 0; i < 5; ++i) {
    images.emplace_back(2, 1);
    std::fill(images.back().pixels.begin(), images.back().pixels.end(), static_cast<std::uint8_t>(i + 1));
  }
  const Image sheet = contact_sheet(images, 3);
  EXPECT_EQ(sheet.width, 3 * 3 + 1);
  EXPECT_EQ(sheet.height, 2 * 2 + 1);
  EXPECT_EQ(sheet.at(1, 1), 1);
  EXPECT_EQ(sheet.at(7, 1), 3);
  EXPECT_EQ(sheet.at(1, 3), 4);
  EXPECT_EQ(sheet.at(4, 3), 5);
  EXPECT_EQ(sheet.at(7, 3), 0);  // what is left over is white
}

TEST(EventPictures, TheCloudHasLaterEventsFurtherRight) {
  const auto events = made_of({{0, 0, 0, 1}, {0, 0, 1000, 0}});
  const Image cloud = event_cloud(events, 10, 10, 300, 200, 100);
  int first_red = -1, last_blue = -1;
  for (int x = 0; x < cloud.width; ++x) {
    for (int y = 0; y < cloud.height; ++y) {
      const Colour c = colour_of(cloud, x, y);
      if (c.red > c.blue && first_red < 0) first_red = x;
      if (c.blue > c.red) last_blue = x;
    }
  }
  ASSERT_GE(first_red, 0);
  EXPECT_GT(last_blue, first_red + 100);
}

TEST(EventPictures, TicksAreRoundAndFewerThanEleven) {
  EXPECT_EQ(tick_for(310'000), 50'000);
  EXPECT_EQ(tick_for(1'000'000), 100'000);
  EXPECT_EQ(tick_for(0), 1);
  for (const std::int64_t duration : std::initializer_list<std::int64_t>{7, 99, 12'345, 8'388'608, 4'000'000'000})
    EXPECT_LE(duration / tick_for(duration), 10) << duration;
}

}  // namespace
}  // namespace dltonic::report
