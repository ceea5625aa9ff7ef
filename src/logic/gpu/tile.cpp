#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "logic/gpu/kernels.h"

namespace dltonic::logic::gpu {
namespace {
int pieces(int samples, int size) { return (samples + size - 1) / size; }
}  // namespace

Tile make_tile(int samples, int most_lanes) {
  const int least = 32 * pieces(samples, 32);
  for (const int lanes : {32, 16, 8}) {
    if (lanes > most_lanes) continue;
    const Tile tile{samples, lanes, pieces(samples, 8 * lanes)};
    if (tile.padded() <= least + least / 8) return tile;
  }
  return {samples, 4, pieces(samples, 32)};
}

Tile make_tile(int samples, const Tile& most) {
  const Tile tile = make_tile(samples, most.lanes);
  if (tile.groups <= most.groups && tile.padded() <= most.padded()) return tile;
  const Tile narrow{samples, most.lanes, pieces(samples, 8 * most.lanes)};
  if (narrow.groups > most.groups)
    throw DeviceError(cat("a tile of ", samples, " samples where there is room for ", most.padded()));
  return narrow;
}

}  // namespace dltonic::logic::gpu
