/// Index lists as kernels read them: by 64- and 128-bit loads that all lanes of a group share.
#pragma once

#include "logic/gpu/device_plan.h"

namespace dltonic::logic::gpu {

__device__ inline Segment load_segment(const Segment* p) {
  Segment s;
  const auto* from = reinterpret_cast<const int4*>(p);
  auto* to = reinterpret_cast<int4*>(&s);
#pragma unroll
  for (int i = 0; i < 4; ++i) to[i] = __ldg(from + i);
  return s;
}
__device__ inline Pair load_pair(const Pair* p) {
  const int2 v = __ldg(reinterpret_cast<const int2*>(p));
  return {v.x, v.y};
}
__device__ inline Consumer load_consumer(const Consumer* p) {
  const int2 v = __ldg(reinterpret_cast<const int2*>(p));
  return {v.x, v.y};
}
__device__ inline ScoreGate load_score_gate(const ScoreGate* p) {
  const int4 v = __ldg(reinterpret_cast<const int4*>(p));
  return {v.x, v.y, v.z, 0};
}

}  // namespace dltonic::logic::gpu
