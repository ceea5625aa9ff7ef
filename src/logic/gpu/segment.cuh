/// Index lists as kernels read them: by 64- and 128-bit loads that all lanes of a group share.
#pragma once

#include "logic/gpu/device_plan.h"

namespace dltonic::logic::gpu {

/// A record of a whole number of 16 bytes.
template <class Record>
__device__ Record load_record(const Record* p) {
  static_assert(sizeof(Record) % 16 == 0 && alignof(Record) == 16);
  Record record;
  const auto* from = reinterpret_cast<const int4*>(p);
  auto* to = reinterpret_cast<int4*>(&record);
#pragma unroll
  for (int i = 0; i < static_cast<int>(sizeof(Record) / 16); ++i) to[i] = __ldg(from + i);
  return record;
}
__device__ inline Pair load_pair(const Pair* p) {
  const int2 v = __ldg(reinterpret_cast<const int2*>(p));
  return {v.x, v.y};
}
__device__ inline Consumer load_consumer(const Consumer* p) {
  const int2 v = __ldg(reinterpret_cast<const int2*>(p));
  return {v.x, v.y};
}

}  // namespace dltonic::logic::gpu
