/// Share of samples whose label is among the five largest scores; of equal scores the first classes count as larger.
#include <array>

#include "train/metrics/metrics.h"

namespace dltonic::train {
namespace {

class TopAccuracy : public Metric {
 public:
  explicit TopAccuracy(int places) : places_(places) {}
  void add(std::span<const double> logits, int label) override {
    const auto own = static_cast<std::size_t>(label);
    int before = 0;
    for (std::size_t c = 0; c < logits.size(); ++c) before += logits[c] > logits[own] || (logits[c] == logits[own] && c < own);
    sums_[0] += before < places_;
    ++sums_[1];
  }
  std::span<std::int64_t> sums() override { return sums_; }
  double value() const override { return sums_[1] == 0 ? 0 : static_cast<double>(sums_[0]) / static_cast<double>(sums_[1]); }

 private:
  int places_;
  std::array<std::int64_t, 2> sums_{};
};

}  // namespace

std::unique_ptr<Metric> make_top5_accuracy(int /*classes*/) { return std::make_unique<TopAccuracy>(5); }

}  // namespace dltonic::train
