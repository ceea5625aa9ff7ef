#pragma once

#include <cstdint>

namespace dltonic::data {

/// Of a sample that two recordings share: the other one's label, and the share of the sample's own (1: nothing was mixed).
struct MixedLabel {
  std::uint16_t second = 0;
  float share = 1;
};

}  // namespace dltonic::data
