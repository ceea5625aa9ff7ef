// Real recordings of each format, against facts found with the peers' own tools (DLTONIC_TEST_DATA).
#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "dltonic/core/file.h"
#include "dltonic/events/checks.h"
#include "dltonic/events/gesture_labels.h"
#include "support/decoded.h"

namespace dltonic::events {
namespace {

const std::string kData = DLTONIC_TEST_DATA;

using Row = std::array<std::int64_t, 4>;  // x, y, t, p

template <class Values>
std::int64_t sum(const Values& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

struct Facts {
  Format format;
  std::string file;
  std::size_t events;
  Row first, last;
  std::int64_t sum_x, sum_y, sum_t, sum_p;
  bool times_from_first;  ///< what sum_t adds up
  std::int64_t t_offset;
  int width, height;
};

const Facts kFacts[] = {
    {Format::aedat2,
     "/dvs128/foam90.aedat",
     1575,
     {55, 112, 2693326797, 1},
     {127, 59, 2698248407, 1},
     104088,
     97641,
     4245895857993,
     1247,
     false,
     2693326797,
     128,
     128},
    {Format::aedat4,
     "/aedat4/sample.aedat4",
     111954,
     {154, 204, 1605537493718345, 0},
     {88, 237, 1605537494308262, 1},
     18342405,
     15105898,
     31685685498,
     55023,
     true,
     1605537493718345,
     320,
     240},
    {Format::dat,
     "/ncars/sample_ncars.dat",
     2009,
     {25, 8, 0, 0},
     {75, 28, 99952, 1},
     93457,
     40463,
     98196680,
     1350,
     false,
     0,
     0,
     0},
};

TEST(GoldenFormats, RealRecordingsDecodeToTheKnownEvents) {
  for (const Facts& facts : kFacts) {
    SCOPED_TRACE(facts.file);
    const auto bytes = read_file(kData + facts.file);
    EXPECT_EQ(detect_format(facts.file, std::span(bytes).first(64)), facts.format);
    const Decoded got = decode_at_once(facts.format, bytes, {});
    ASSERT_EQ(got.fault, "");
    ASSERT_EQ(got.report.events, facts.events);
    ASSERT_EQ(got.t.size(), facts.events);
    EXPECT_EQ((Row{got.x.front(), got.y.front(), got.t.front(), got.p.front()}), facts.first);
    EXPECT_EQ((Row{got.x.back(), got.y.back(), got.t.back(), got.p.back()}), facts.last);
    EXPECT_EQ(sum(got.x), facts.sum_x);
    EXPECT_EQ(sum(got.y), facts.sum_y);
    EXPECT_EQ(sum(got.p), facts.sum_p);
    const std::int64_t zero = facts.times_from_first ? got.t.front() * static_cast<std::int64_t>(got.t.size()) : 0;
    EXPECT_EQ(sum(got.t) - zero, facts.sum_t);
    EXPECT_EQ(got.width, facts.width);
    EXPECT_EQ(got.height, facts.height);

    EXPECT_EQ(decode_at_once(facts.format, bytes, {.vectors = false}), got);
    EXPECT_EQ(decode_in_blocks(facts.format, bytes, {}, 1000, 777), got);

    Recording recording;
    decode(facts.format, bytes, {}, recording);
    EXPECT_EQ(recording.t_offset, facts.t_offset);
    EXPECT_EQ(recording.duration, facts.last[2] - facts.first[2]);
    if (facts.width > 0) {
      EXPECT_NO_THROW(check_inside(recording.events, facts.width, facts.height));
    }
  }
}

TEST(GoldenFormats, TheRawConventionOfAedat2IsTheOtherOneTurned) {
  const auto bytes = read_file(kData + "/dvs128/foam90.aedat");
  const Decoded got = decode_at_once(Format::aedat2, bytes, {.aedat2 = Aedat2Convention::raw});
  ASSERT_EQ(got.report.events, 1575u);
  EXPECT_EQ((Row{got.x.front(), got.y.front(), got.t.front(), got.p.front()}), (Row{127 - 55, 127 - 112, 2693326797, 0}));
  EXPECT_EQ(sum(got.p), 1575 - 1247);
}

TEST(GoldenFormats, RealGestureLabelsAreRead) {
  const auto spans = parse_gesture_labels(read_text(kData + "/dvsgesture/user01_natural_labels.csv"));
  ASSERT_EQ(spans.size(), 12u);
  EXPECT_EQ(spans.front(), (GestureSpan{1, 53036986, 59508469}));
  EXPECT_EQ(spans.back(), (GestureSpan{11, 171367247, 177991967}));
  EXPECT_EQ(std::count_if(spans.begin(), spans.end(), [](const GestureSpan& span) { return span.gesture == 8; }), 2);
}

}  // namespace
}  // namespace dltonic::events
