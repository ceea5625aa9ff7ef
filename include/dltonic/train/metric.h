/// What an evaluation tells, as a registry. A metric is one file of src/train/metrics/ and one line of its registry.cpp; from
/// there it reaches the log, metrics.jsonl, TensorBoard, train.monitor, early stopping, the choice of the best checkpoints and
/// the tables of `dltonic submit --status`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/model/model.h"

namespace dltonic::train {

/// Takes the samples of one rank; what it adds up is then summed over ranks. Sums are integers (fractions in fixed point), so
/// that a value is the same bits on any number of ranks.
class Metric {
 public:
  virtual ~Metric() = default;
  /// logits [classes] of a frame, or the sum of its frames' logits of a recording.
  virtual void add(std::span<const double> logits, int label) = 0;
  virtual std::span<std::int64_t> sums() = 0;
  virtual double value() const = 0;  ///< of all that was added to `sums`
};

enum class Unit { frame, recording };
enum class Better { higher, lower };

struct MetricKind {
  std::string name;
  std::string about;  ///< one line for --help-config
  model::Reading reading = model::Reading::hard;
  Unit unit = Unit::frame;
  Better better = Better::higher;
  bool in_log = false;  ///< said in the line of every epoch
  std::unique_ptr<Metric> (*make)(int classes) = nullptr;
};

/// In the order in which they are shown.
const std::vector<MetricKind>& metric_kinds();
std::vector<std::string> metric_names();
/// ConfigError with the nearest name.
const MetricKind& metric_kind(const std::string& name);

/// True where `value` is the better one by more than min_delta; NaN is never better.
bool improves(Better better, double value, double best, double min_delta = 0);

}  // namespace dltonic::train
