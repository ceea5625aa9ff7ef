/// From run-time choices to template arguments.
#pragma once

#include <type_traits>

#include "dltonic/core/error.h"
#include "logic/gpu/kernels.h"
#include "logic/gpu/rows.cuh"

namespace dltonic::logic::gpu {

template <int kValue>
using Int = std::integral_constant<int, kValue>;
template <class T>
struct Type {
  using type = T;
};

template <class F>
void with_lanes(int lanes, F f) {
  switch (lanes) {
    case 32:
      return f(Int<32>{});
    case 16:
      return f(Int<16>{});
    case 8:
      return f(Int<8>{});
    case 4:
      return f(Int<4>{});
    default:
      throw DeviceError("a tile has 4, 8, 16 or 32 lanes");
  }
}

/// f(Type<activations>, Type<gradients>)
template <class F>
void with_types(Activations kind, F f) {
  switch (kind) {
    case Activations::float32:
      return f(Type<float>{}, Type<float>{});
    case Activations::bfloat16:
      return f(Type<__nv_bfloat16>{}, Type<__nv_bfloat16>{});
    case Activations::bits_bfloat16:
      return f(Type<Bits>{}, Type<__nv_bfloat16>{});
    case Activations::bits_float32:
      return f(Type<Bits>{}, Type<float>{});
  }
}
/// f(Type<reals>): the type of gradients, and of activations that are not packed.
template <class F>
void with_reals(Activations kind, F f) {
  if (wide(kind)) f(Type<float>{});
  else f(Type<__nv_bfloat16>{});
}

template <class X>
Rows<X> rows_of(const void* x, Tile tile) {
  return {static_cast<const typename Eight<X>::Storage*>(x), static_cast<std::size_t>(tile.padded()) / Eight<X>::kPerElement};
}
inline const float4* quads(const float* c) { return reinterpret_cast<const float4*>(c); }
inline Rows<Bits> rows_of(InputBits x) { return {x.bytes, x.stride}; }

/// A block covers kBlock / lanes groups of lanes; blockIdx.y numbers the column groups.
inline dim3 grid_of(std::int64_t lane_groups, int lanes, Tile tile) {
  const std::int64_t groups_a_block = kBlock / lanes;
  return dim3(static_cast<unsigned>((lane_groups + groups_a_block - 1) / groups_a_block), static_cast<unsigned>(tile.groups));
}

}  // namespace dltonic::logic::gpu
