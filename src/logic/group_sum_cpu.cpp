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
                const std::uint16_t* labels, double* loss, std::uint8_t* correct, T* table) {
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
    const int label = labels[lane];
    const double own = logits[static_cast<std::size_t>(label)] - most;
    correct[lane] = top - logits.begin() == label;
    double sum = 0;
    for (double& logit : logits) sum += logit = std::exp(logit - most);
    loss[lane] = std::log(sum) - own;
    for (int k = 0; k < classes; ++k)
      cell(k) = static_cast<T>((logits[static_cast<std::size_t>(k)] / sum - (k == label ? 1 : 0)) * inverse_batch / tau);
  }
}

#define DLTONIC_INSTANTIATE(T)                                                                                       \
  template void group_logits<T>(const T*, std::int64_t, int, Tile, int, double, T*);                                 \
  template void group_loss<T>(const T*, std::int64_t, int, Tile, int, double, double, const std::uint16_t*, double*, \
                              std::uint8_t*, T*);
DLTONIC_INSTANTIATE(float)
DLTONIC_INSTANTIATE(double)
#undef DLTONIC_INSTANTIATE

}  // namespace dltonic::logic::cpu
