#include "dltonic/events/augment_mix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "events/keep.h"
#include "events/time_order.h"

namespace dltonic::events {
namespace {

/// Gamma(shape, 1) for shape >= 1: Marsaglia and Tsang, ACM TOMS 26 (2000).
double draw_gamma(double shape, Random& random) {
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double z = random.normal(), v = std::pow(1 + c * z, 3);
    const double u = 1 - random.uniform_double();  // above 0
    if (v > 0 && std::log(u) < 0.5 * z * z + d - d * v + d * std::log(v)) return d * v;
  }
}

std::uint32_t duration(const Events& events) { return events.empty() ? 0 : events.t.back() - events.t.front(); }

/// What `first` and `second` keep of themselves, in order of time, in `first`. memory.marks hold `first`'s, then `second`'s.
/// Returns how many of `first` stayed.
std::size_t join(Events& first, const Events& second, AugmentMemory& memory) {
  const std::size_t before = first.size(), after = second.size();
  const std::uint32_t zero = first.empty() ? 0 : first.t.front();
  const std::uint32_t second_zero = second.empty() ? 0 : second.t.front();
  first.resize(before + after);
  std::copy(second.x.begin(), second.x.end(), first.x.begin() + static_cast<std::ptrdiff_t>(before));
  std::copy(second.y.begin(), second.y.end(), first.y.begin() + static_cast<std::ptrdiff_t>(before));
  std::copy(second.p.begin(), second.p.end(), first.p.begin() + static_cast<std::ptrdiff_t>(before));
  for (std::size_t i = 0; i < after; ++i) {
    const std::uint64_t t = std::uint64_t{zero} + (second.t[i] - second_zero);
    first.t[before + i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(t, std::numeric_limits<std::uint32_t>::max()));
  }
  const auto middle =
      std::accumulate(memory.marks.begin(), memory.marks.begin() + static_cast<std::ptrdiff_t>(before), std::size_t{0});
  keep_marked(first, memory.marks);
  merge_parts(first, middle, memory);
  return middle;
}

}  // namespace

double draw_beta(double alpha, Random& random) {
  // Gamma(alpha) is Gamma(alpha + 1) · U^(1/alpha); the quotient is taken of logarithms, which small alphas do not underflow.
  const auto log_gamma = [&] {
    const double gamma = draw_gamma(alpha + 1, random);
    return std::log(gamma) + std::log(1 - random.uniform_double()) / alpha;
  };
  const double a = log_gamma(), b = log_gamma();
  return 1 / (1 + std::exp(b - a));
}

double share_outside(const Box& box, SensorSize sensor) {
  return 1 - static_cast<double>(box.width) * box.height / (static_cast<double>(sensor.width) * sensor.height);
}

double cut_mix(Events& first, const Events& second, const Box& box, SensorSize sensor, AugmentMemory& memory) {
  const std::size_t before = first.size();
  memory.marks.resize(before + second.size());
  const auto mark = [&](const Events& events, std::uint8_t* marks, std::uint8_t inside_is) {
    const auto x = static_cast<std::uint16_t>(box.x), y = static_cast<std::uint16_t>(box.y);
    const auto width = static_cast<std::uint16_t>(box.width), height = static_cast<std::uint16_t>(box.height);
    const std::uint16_t *xs = events.x.data(), *ys = events.y.data();
    for (std::size_t i = 0, n = events.size(); i < n; ++i) {
      const bool in_x = static_cast<std::uint16_t>(xs[i] - x) < width, in_y = static_cast<std::uint16_t>(ys[i] - y) < height;
      marks[i] = static_cast<std::uint8_t>((in_x & in_y) == inside_is);
    }
  };
  mark(first, memory.marks.data(), 0);
  mark(second, memory.marks.data() + before, 1);
  join(first, second, memory);
  return share_outside(box, sensor);
}

MixShape MixShape::draw(double share, Random& random) {
  MixShape shape{.gaussians = random.between(1, kMostGaussians),
                 .wanted = static_cast<std::uint32_t>(std::llround(std::clamp(share, 0.0, 1.0) * kCells))};
  for (int g = 0; g < shape.gaussians; ++g) {
    for (auto& values : shape.axes[g]) {
      const double centre = random.uniform_double(), sd = 0.1 + 0.3 * random.uniform_double();
      for (int i = 0; i < kSide; ++i) {
        const double z = ((i + 0.5) / kSide - centre) / sd;
        values[i] = static_cast<float>(std::exp(-0.5 * z * z));
      }
    }
  }
  return shape;
}

MixMask::MixMask(const MixShape& shape) {
  if (shape.wanted == 0) return;
  std::array<float, MixShape::kCells> density{};
  for (int g = 0; g < shape.gaussians; ++g) {
    for (int t = 0; t < kSide; ++t) {
      for (int y = 0; y < kSide; ++y) {
        float* row = density.data() + (t * kSide + y) * kSide;
        const float both = shape.axes[g][0][t] * shape.axes[g][1][y];
        for (int x = 0; x < kSide; ++x) row[x] = std::fma(both, shape.axes[g][2][x], row[x]);  // as MixShape::density()
      }
    }
  }
  // The largest threshold that enough cells reach, by its bits: those of floats that are not negative rise with them.
  std::array<std::uint32_t, MixShape::kCells> bits;
  std::transform(density.begin(), density.end(), bits.begin(), [](float v) { return std::bit_cast<std::uint32_t>(v); });
  std::uint32_t threshold = 0;
  for (std::uint32_t bit = 1u << 30; bit > 0; bit >>= 1) {
    std::uint32_t reach = 0;
    for (const std::uint32_t b : bits)
      reach += static_cast<std::int32_t>(b) >= static_cast<std::int32_t>(threshold | bit) ? 1 : 0;
    if (reach >= shape.wanted) threshold |= bit;
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = bits[i] >= threshold ? 1 : 0;
}

double MixMask::share() const {
  return std::accumulate(cells_.begin(), cells_.end(), 0.0) / static_cast<double>(cells_.size());
}

double event_mix(Events& first, const Events& second, const MixMask& mask, SensorSize sensor, AugmentMemory& memory) {
  constexpr int kSide = MixMask::kSide;
  const std::size_t before = first.size();
  memory.marks.resize(before + second.size());
  const auto scale_x = static_cast<std::uint32_t>((kSide << 16) / sensor.width);
  const auto scale_y = static_cast<std::uint32_t>((kSide << 16) / sensor.height);
  const float scale_t = kSide / (static_cast<float>(std::max(duration(first), duration(second))) + 1);
  const auto mark = [&](const Events& events, std::uint8_t* marks, std::uint8_t inside_is) {
    const std::uint16_t *xs = events.x.data(), *ys = events.y.data();
    const std::uint32_t* ts = events.t.data();
    const std::uint8_t* cells = mask.cells();
    const std::uint32_t zero = events.empty() ? 0 : ts[0];
    for (std::size_t i = 0, n = events.size(); i < n; ++i) {
      const std::uint32_t x = xs[i] * scale_x >> 16, y = ys[i] * scale_y >> 16;
      const int t = std::min(kSide - 1, static_cast<int>(static_cast<float>(ts[i] - zero) * scale_t));
      marks[i] = cells[(static_cast<std::uint32_t>(t) * kSide + y) * kSide + x] == inside_is ? 1 : 0;
    }
  };
  mark(first, memory.marks.data(), 0);
  mark(second, memory.marks.data() + before, 1);
  const auto stayed = static_cast<double>(join(first, second, memory));
  return first.empty() ? 1 : stayed / static_cast<double>(first.size());
}

}  // namespace dltonic::events
