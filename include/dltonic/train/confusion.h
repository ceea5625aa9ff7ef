/// Who was taken for whom: counts of (label, prediction), exact at any number of ranks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dltonic::train {

class Confusion {
 public:
  explicit Confusion(int classes = 0)
      : classes_(classes), counts_(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes)) {}
  void add(int label, int predicted) { ++counts_[static_cast<std::size_t>(label * classes_ + predicted)]; }
  int classes() const { return classes_; }
  std::int64_t at(int label, int predicted) const { return counts_[static_cast<std::size_t>(label * classes_ + predicted)]; }
  std::span<std::int64_t> counts() { return counts_; }  ///< [label][predicted], to be summed over ranks
  std::int64_t total() const;
  bool operator==(const Confusion&) const = default;

  double accuracy() const;  ///< 0 where nothing was counted
  /// Per class. A class that was never predicted (precision) or never seen (recall) counts 0, as scikit-learn's
  /// zero_division=0; macro averages run over all classes.
  std::vector<double> precision() const;
  std::vector<double> recall() const;
  std::vector<double> f1() const;

 private:
  int classes_;
  std::vector<std::int64_t> counts_;
};

double mean(const std::vector<double>& values);
/// Index of the largest value, the first one among equals.
int argmax(std::span<const double> values);
/// -log softmax(logits)[label].
double cross_entropy(std::span<const double> logits, int label);

}  // namespace dltonic::train
