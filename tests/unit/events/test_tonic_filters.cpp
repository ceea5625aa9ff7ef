// Filters on real recordings against what Tonic 1.7.0's own transforms make of the same files.
#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <string>

#include "dltonic/core/file.h"
#include "dltonic/events/decoder.h"
#include "dltonic/events/filters.h"

namespace dltonic::events {
namespace {

/// Number of events, sums of x, y, t, p.
using Facts = std::array<std::uint64_t, 5>;

template <class T>
std::uint64_t sum(const std::vector<T>& values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

Facts facts_of(const std::string& file, const FilterOptions& options) {
  Recording recording;
  decode(Format::atis, read_file(DLTONIC_TEST_DATA "/nmnist/" + file), {}, recording);
  Events& e = recording.events;
  Filters(options, Compat::tonic, 34, 34).apply(e);
  return {e.size(), sum(e.x), sum(e.y), sum(e.t), sum(e.p)};
}

TEST(TonicFilters, DecimationDropPixelCropTimeAndCenterCropMatch) {
  const std::string zero = "Train/0/00002.bin", four = "Train/4/00003.bin";
  EXPECT_EQ(facts_of(zero, {.decimation = 3}), (Facts{1500, 25158, 25801, 236114933, 766}));
  EXPECT_EQ(facts_of(four, {.decimation = 3}), (Facts{937, 15264, 16593, 159448980, 476}));
  EXPECT_EQ(facts_of(zero, {.hot_pixel_hz = 40}), (Facts{2031, 34397, 34124, 302051868, 1056}));
  EXPECT_EQ(facts_of(zero, {.hot_pixel_hz = 60}), (Facts{4187, 70904, 71125, 630864363, 2101}));
  EXPECT_EQ(facts_of(four, {.hot_pixel_hz = 40}), (Facts{2224, 34589, 38077, 349359550, 1118}));
  EXPECT_EQ(facts_of(zero, {.start_us = 43918, .end_us = 126787}), (Facts{1301, 19969, 25336, 90076575, 657}));
  EXPECT_EQ(facts_of(four, {.start_us = 62000, .end_us = 186885}), (Facts{1301, 21075, 25265, 168593859, 649}));
  EXPECT_EQ(facts_of(zero, {.center_crop = {28, 21}}), (Facts{4583, 64272, 48102, 695386074, 2250}));
  EXPECT_EQ(facts_of(four, {.center_crop = {28, 21}}), (Facts{3060, 39688, 33476, 497116830, 1488}));
  EXPECT_EQ(facts_of(zero, {.center_crop = {40, 51}}), (Facts{5028, 99329, 131816, 746691623, 2509}));
  EXPECT_EQ(facts_of(four, {.center_crop = {40, 51}}), (Facts{3307, 63629, 87737, 525788893, 1640}));
}

}  // namespace
}  // namespace dltonic::events
