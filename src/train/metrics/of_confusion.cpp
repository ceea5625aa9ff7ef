/// Metrics that a confusion matrix gives: accuracy, and the macro averages over classes.
#include "dltonic/train/confusion.h"
#include "train/metrics/metrics.h"

namespace dltonic::train {
namespace {

template <class Value>
class OfConfusion : public Metric {
 public:
  OfConfusion(int classes, Value value) : confusion_(classes), value_(value) {}
  void add(std::span<const double> logits, int label) override { confusion_.add(label, argmax(logits)); }
  std::span<std::int64_t> sums() override { return confusion_.counts(); }
  double value() const override { return value_(confusion_); }

 private:
  Confusion confusion_;
  Value value_;
};
template <class Value>
std::unique_ptr<Metric> of_confusion(int classes, Value value) {
  return std::make_unique<OfConfusion<Value>>(classes, value);
}

}  // namespace

std::unique_ptr<Metric> make_accuracy(int classes) {
  return of_confusion(classes, [](const Confusion& c) { return c.accuracy(); });
}
std::unique_ptr<Metric> make_precision_macro(int classes) {
  return of_confusion(classes, [](const Confusion& c) { return mean(c.precision()); });
}
std::unique_ptr<Metric> make_recall_macro(int classes) {
  return of_confusion(classes, [](const Confusion& c) { return mean(c.recall()); });
}
std::unique_ptr<Metric> make_f1_macro(int classes) {
  return of_confusion(classes, [](const Confusion& c) { return mean(c.f1()); });
}

}  // namespace dltonic::train
