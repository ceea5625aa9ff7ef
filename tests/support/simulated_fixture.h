/// The smallest data set that is simulated in no time: 40 images of tests/fixtures/events_idx, as recordings.
#pragma once

#include <string>

#include "dltonic/data/options.h"

namespace dltonic::test {

inline data::Options simulated_fixture() {
  data::Options options;
  options.name = "simulated";
  options.source.format = "idx";
  options.source.root = std::string(DLTONIC_FIXTURES) + "/events_idx";
  options.frames.bins = 3;
  return options;
}

}  // namespace dltonic::test
