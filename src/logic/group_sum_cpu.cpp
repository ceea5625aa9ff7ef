#include "dltonic/logic/group_sum.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace dltonic::logic::cpu {
namespace {

/// Logits of one lane. Parts are added in double: the order of gates then hardly shows in the loss.
template <class T>
void lane_logits(const T* parts, std::int64_t count, int classes, Tile tile, int lane, double tau, double* out) {
  for (int k = 0; k < classes; ++k) {
    double sum = 0;
    for (std::int64_t part = 0; part < count; ++part) {
      sum += static_cast<double>(
          parts[(static_cast<std::size_t>(part) * static_cast<std::size_t>(classes) + static_cast<std::size_t>(k)) *
                    tile.stride +
                static_cast<std::size_t>(lane)]);
    }
    out[k] = sum / tau;
  }
}

/// w t of one sample. With one label, no weights and no smoothing every number is 0 or 1, and what is computed with them exact.
class Target {
 public:
  Target(const Targets& targets, const LossOptions& options, int lane, int classes)
      : weights_(options.class_weights),
        classes_(classes),
        first_(targets.first[lane]),
        second_(targets.second == nullptr ? first_ : targets.second[lane]),
        everywhere_(options.label_smoothing / classes) {
    const double share = targets.second == nullptr ? 1.0 : static_cast<double>(targets.share[lane]);
    of_first_ = (1 - options.label_smoothing) * share;
    of_second_ = (1 - options.label_smoothing) * (1 - share);
  }
  double at(int k) const {
    const double t = everywhere_ + (k == first_ ? of_first_ : 0) + (k == second_ ? of_second_ : 0);
    return weights_.empty() ? t : t * static_cast<double>(weights_[static_cast<std::size_t>(k)]);
  }
  /// f(k, w t) for every class that may have a share.
  template <class F>
  void each(F f) const {
    if (everywhere_ > 0) {
      for (int k = 0; k < classes_; ++k) f(k, at(k));
      return;
    }
    f(first_, at(first_));
    if (second_ != first_) f(second_, at(second_));
  }

 private:
  const std::vector<float>& weights_;
  int classes_, first_, second_;
  double everywhere_, of_first_ = 1, of_second_ = 0;
};

}  // namespace

template <class T>
void group_logits(const T* parts, std::int64_t count, int classes, Tile tile, int samples, double tau, T* out) {
  std::vector<double> logits(static_cast<std::size_t>(classes));
#pragma omp for schedule(static)
  for (int lane = 0; lane < samples; ++lane) {
    lane_logits(parts, count, classes, tile, lane, tau, logits.data());
    std::transform(logits.begin(), logits.end(), out + static_cast<std::size_t>(lane) * static_cast<std::size_t>(classes),
                   [](double logit) { return static_cast<T>(logit); });
  }
}

template <class T>
void group_loss(const T* parts, std::int64_t count, int classes, Tile tile, int samples, double tau, double inverse_batch,
                const Targets& targets, const LossOptions& options, double* loss, std::uint8_t* correct, T* table) {
  std::vector<double> logits(static_cast<std::size_t>(classes));
#pragma omp for schedule(static)
  for (int lane = 0; lane < tile.lanes; ++lane) {
    const auto cell = [&](int k) -> T& {
      return table[static_cast<std::size_t>(k) * tile.stride + static_cast<std::size_t>(lane)];
    };
    if (lane >= samples) {
      for (int k = 0; k < classes; ++k) cell(k) = 0;
      continue;
    }
    lane_logits(parts, count, classes, tile, lane, tau, logits.data());
    const auto top = std::max_element(logits.begin(), logits.end());  // the first of equals
    const double most = *top;
    correct[lane] = top - logits.begin() == targets.first[lane];
    const Target target(targets, options, lane, classes);
    double weight = 0, own = 0;  // sums of w t and w t (x - most)
    target.each([&](int k, double wt) {
      weight += wt;
      own += wt * (logits[static_cast<std::size_t>(k)] - most);
    });
    double sum = 0;
    for (double& logit : logits) sum += logit = std::exp(logit - most);
    loss[lane] = weight * std::log(sum) - own;
    for (int k = 0; k < classes; ++k)
      cell(k) = static_cast<T>((weight * (logits[static_cast<std::size_t>(k)] / sum) - target.at(k)) * inverse_batch / tau);
  }
}

#define DLTONIC_INSTANTIATE(T)                                                                                            \
  template void group_logits<T>(const T*, std::int64_t, int, Tile, int, double, T*);                                      \
  template void group_loss<T>(const T*, std::int64_t, int, Tile, int, double, double, const Targets&, const LossOptions&, \
                              double*, std::uint8_t*, T*);
DLTONIC_INSTANTIATE(float)
DLTONIC_INSTANTIATE(double)
#undef DLTONIC_INSTANTIATE

}  // namespace dltonic::logic::cpu
