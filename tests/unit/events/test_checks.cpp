#include "dltonic/events/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/events/decoding.h"
#include "unit/events/make_events.h"

namespace dltonic::events {
namespace {

using ::testing::HasSubstr;

TEST(Checks, EventsOutsideTheSensorAreNamed) {
  Events events = random_events(100, 34, 34, 10, 1);
  EXPECT_NO_THROW(check_inside(events, 34, 34));
  events.x[57] = 34;
  EXPECT_THAT(fault_of([&] { check_inside(events, 34, 34); }),
              HasSubstr("event 57 of 100 at x 34, y " + std::to_string(events.y[57]) + " lies outside the sensor of 34 x 34"));
  events.x[57] = 0;
  events.y[99] = 65535;
  EXPECT_THAT(fault_of([&] { check_inside(events, 34, 34); }), HasSubstr("event 99"));
}

TEST(Checks, BackStepsAreNamedAndSortedAway) {
  Events events{{1, 2, 3, 4}, {0, 0, 0, 0}, {10, 30, 20, 20}, {0, 1, 0, 1}};
  EXPECT_THAT(fault_of([&] { check_times(events); }), HasSubstr("event 2 of 4: 20 us after 30 us"));
  sort_by_time(events);
  EXPECT_EQ(events.t, (std::vector<std::uint32_t>{10, 20, 20, 30}));
  EXPECT_EQ(events.x, (std::vector<std::uint16_t>{1, 3, 4, 2}));
  EXPECT_NO_THROW(check_times(events));
}

}  // namespace
}  // namespace dltonic::events
