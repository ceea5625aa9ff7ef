/// From run-time choices to template arguments.
#pragma once

#include <type_traits>

#include "dltonic/core/error.h"
#include "logic/gpu/kernels.h"
#include "logic/gpu/rows.cuh"

namespace dltonic::logic::gpu {

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
std::uint32_t stride_bytes(Tile tile) {
  return static_cast<std::uint32_t>(static_cast<std::size_t>(tile.padded()) * sizeof(typename Eight<X>::Storage) /
                                    Eight<X>::kPerElement);
}
template <class X>
Rows<X> rows_of(const void* x, Tile tile) {
  return {static_cast<const typename Eight<X>::Storage*>(x), stride_bytes<X>(tile)};
}
inline Rows<Bits> rows_of(InputBits x) { return {x.bytes, static_cast<std::uint32_t>(x.stride)}; }
template <class X>
RowsOut<X> rows_out(void* y, Tile tile) {
  return {static_cast<typename Eight<X>::Storage*>(y), stride_bytes<X>(tile)};
}
inline const float4* quads(const float* c) { return reinterpret_cast<const float4*>(c); }

constexpr std::int64_t pieces(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

/// A block covers kBlock / lanes groups of lanes; blockIdx.y numbers the column groups.
inline dim3 grid_of(std::int64_t lane_groups, int lanes, Tile tile) {
  return dim3(static_cast<unsigned>(pieces(lane_groups, kBlock / lanes)), static_cast<unsigned>(tile.groups));
}

}  // namespace dltonic::logic::gpu
