/// Mean of -log softmax(logits)[label]. Each sample's is rounded to a multiple of 2^-36 (1.5e-11), so that the sum is exact
/// up to 1.3e8 nats.
#include <array>
#include <cmath>
#include <limits>

#include "dltonic/train/confusion.h"
#include "train/metrics/metrics.h"

namespace dltonic::train {
namespace {

class CrossEntropy : public Metric {
 public:
  void add(std::span<const double> logits, int label) override {
    const double value = cross_entropy(logits, label);
    ++sums_[kCount];
    if (std::isfinite(value) && value < kMost) sums_[kTotal] += std::llround(std::ldexp(value, kBits));
    else ++sums_[kNonfinite];
  }
  std::span<std::int64_t> sums() override { return sums_; }
  double value() const override {
    if (sums_[kNonfinite] > 0) return std::numeric_limits<double>::quiet_NaN();
    if (sums_[kCount] == 0) return 0;
    return std::ldexp(static_cast<double>(sums_[kTotal]), -kBits) / static_cast<double>(sums_[kCount]);
  }

 private:
  static constexpr int kBits = 36;
  static constexpr double kMost = 1e6;  // of one sample: more tells that training has broken down
  enum { kTotal, kCount, kNonfinite };
  std::array<std::int64_t, 3> sums_{};
};

}  // namespace

std::unique_ptr<Metric> make_cross_entropy(int /*classes*/) { return std::make_unique<CrossEntropy>(); }

}  // namespace dltonic::train
