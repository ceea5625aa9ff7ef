#include "dltonic/logic/hard_layer.h"

#include <algorithm>
#include <array>

#include "dltonic/logic/gate.h"
#include "logic/simd.h"

namespace dltonic::logic::cpu {
namespace {

using Word = std::uint64_t;
using simd::Words;

/// A gate as a polynomial over bits: y = m0 ^ (ma & a) ^ (mb & b) ^ (mab & a & b), masks all zeros or ones. No branch.
struct Masks {
  Word m0, ma, mb, mab;
};
constexpr std::array<Masks, kGateKinds> kMasks = [] {
  std::array<Masks, kGateKinds> masks{};
  for (int id = 0; id < kGateKinds; ++id) {
    const auto mask = [](int bit) { return bit & 1 ? ~Word{0} : Word{0}; };
    const std::array<int, 4> row = gate_row(id);  // modulo 2 the coefficients over the reals are those over bits
    masks[static_cast<std::size_t>(id)] = {mask(row[0]), mask(row[1]), mask(row[2]), mask(row[3])};
  }
  return masks;
}();

/// high, low = a + b + c, bit by bit.
void add(Words& high, Words& low, Words a, Words b, Words c) {
  const Words u = a ^ b;
  high = (a & b) | (u & c);
  low = u ^ c;
}

/// Counts set bits a lane in planes: plane j holds bit j of every lane's count.
class BitCounter {
 public:
  void add_rows(const Word* rows, std::int64_t count, int words) {
    std::int64_t row = 0;
    for (; row + 16 <= count; row += 16) {
      Words eights_a, eights_b, sixteens;
      add_eight(eights_a, rows + row * kTileWords, words);
      add_eight(eights_b, rows + (row + 8) * kTileWords, words);
      add(sixteens, planes_[3], planes_[3], eights_a, eights_b);
      ripple(sixteens, 4);
    }
    for (; row < count; ++row) ripple(row_of(rows + row * kTileWords, words), 0);
  }
  std::int32_t of_lane(int lane) const {
    std::int32_t count = 0;
    for (std::size_t j = 0; j < planes_.size(); ++j)
      count |= static_cast<std::int32_t>((planes_[j][lane / 64] >> (lane % 64)) & 1u) << j;
    return count;
  }

 private:
  static Words row_of(const Word* row, int words) {
    if (words == kTileWords) return simd::load<Words>(row);
    Words w{};
    for (int i = 0; i < words; ++i) w[i] = row[i];
    return w;
  }
  void add_eight(Words& eights, const Word* rows, int words) {
    std::array<Words, 2> fours;
    for (std::size_t half = 0; half < 2; ++half) {
      std::array<Words, 2> twos;
      for (std::size_t quarter = 0; quarter < 2; ++quarter) {
        const Word* pair = rows + static_cast<std::size_t>(kTileWords) * (4 * half + 2 * quarter);
        add(twos[quarter], planes_[0], planes_[0], row_of(pair, words), row_of(pair + kTileWords, words));
      }
      add(fours[half], planes_[1], planes_[1], twos[0], twos[1]);
    }
    add(eights, planes_[2], planes_[2], fours[0], fours[1]);
  }
  void ripple(Words carry, std::size_t plane) {
    for (; plane < planes_.size(); ++plane) {
      const Words next = planes_[plane] & carry;
      planes_[plane] ^= carry;
      carry = next;
      if ((carry[0] | carry[1] | carry[2] | carry[3]) == 0) return;
    }
  }
  std::array<Words, 31> planes_{};
};

}  // namespace

void hard_forward(const Word* x, std::size_t x_words, int words, const GateOrder& order, const std::uint8_t* ids, Word* y) {
  const auto gates = static_cast<std::int64_t>(order.gate.size());
#pragma omp for schedule(static)
  for (std::int64_t i = 0; i < gates; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const auto gate = static_cast<std::size_t>(order.gate[k]);
    const Masks m = kMasks[ids[gate]];
    const Word* a = x + static_cast<std::size_t>(order.a[k]) * x_words;
    const Word* b = x + static_cast<std::size_t>(order.b[k]) * x_words;
    Word* out = y + gate * kTileWords;
    if (words == kTileWords) {
      const Words va = simd::load<Words>(a), vb = simd::load<Words>(b);
      simd::store(out, m.m0 ^ (m.ma & va) ^ (m.mb & vb) ^ (m.mab & va & vb));
    } else {
      for (int w = 0; w < words; ++w) out[w] = m.m0 ^ (m.ma & a[w]) ^ (m.mb & b[w]) ^ (m.mab & a[w] & b[w]);
    }
  }
}

void hard_counts(const Word* y, std::int64_t gates, int words, int classes, std::int32_t* counts) {
  const std::int64_t group = gates / classes;
#pragma omp for schedule(static)
  for (int k = 0; k < classes; ++k) {
    BitCounter counter;
    counter.add_rows(y + static_cast<std::size_t>(k * group) * kTileWords, group, words);
    for (int lane = 0; lane < 64 * words; ++lane)
      counts[static_cast<std::size_t>(k) * 64 * kTileWords + static_cast<std::size_t>(lane)] = counter.of_lane(lane);
  }
}

}  // namespace dltonic::logic::cpu
