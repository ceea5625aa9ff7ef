#include "dltonic/train/confusion.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dltonic::train {
namespace {
double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}
}  // namespace

std::int64_t Confusion::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

double Confusion::accuracy() const {
  std::int64_t right = 0;
  for (int c = 0; c < classes_; ++c) right += at(c, c);
  return ratio(right, total());
}

std::vector<double> Confusion::precision() const {
  std::vector<double> values;
  for (int c = 0; c < classes_; ++c) {
    std::int64_t predicted = 0;
    for (int label = 0; label < classes_; ++label) predicted += at(label, c);
    values.push_back(ratio(at(c, c), predicted));
  }
  return values;
}

std::vector<double> Confusion::recall() const {
  std::vector<double> values;
  for (int c = 0; c < classes_; ++c) {
    std::int64_t seen = 0;
    for (int predicted = 0; predicted < classes_; ++predicted) seen += at(c, predicted);
    values.push_back(ratio(at(c, c), seen));
  }
  return values;
}

std::vector<double> Confusion::f1() const {
  const auto p = precision();
  const auto r = recall();
  std::vector<double> values;
  for (std::size_t c = 0; c < p.size(); ++c) values.push_back(p[c] + r[c] == 0 ? 0.0 : 2 * p[c] * r[c] / (p[c] + r[c]));
  return values;
}

double mean(const std::vector<double>& values) {
  return values.empty() ? 0.0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

int argmax(std::span<const double> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

double cross_entropy(std::span<const double> logits, int label) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return std::log(sum) + largest - logits[static_cast<std::size_t>(label)];
}

}  // namespace dltonic::train
