#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "train/metrics/metrics.h"

namespace dltonic::train {

const std::vector<MetricKind>& metric_kinds() {
  using enum model::Reading;
  using enum Unit;
  using enum Better;
  static const std::vector<MetricKind> kinds{
      {"accuracy_hard", "share of frames that the Boolean circuit gets right", hard, frame, higher, true, make_accuracy},
      {"accuracy_soft", "share of frames that the soft mixtures get right", soft, frame, higher, true, make_accuracy},
      {"accuracy_hard_recording", "of recordings, by the sum of their frames' scores", hard, recording, higher, false,
       make_accuracy},
      {"accuracy_soft_recording", "of recordings, by the sum of their frames' scores", soft, recording, higher, false,
       make_accuracy},
      {"accuracy_top5", "share of frames whose class is among the five first", hard, frame, higher, false, make_top5_accuracy},
      {"precision_macro", "mean over classes", hard, frame, higher, false, make_precision_macro},
      {"recall_macro", "mean over classes", hard, frame, higher, false, make_recall_macro},
      {"f1_macro", "mean over classes", hard, frame, higher, false, make_f1_macro},
      {"loss", "mean cross entropy a frame of the soft mixtures", soft, frame, lower, true, make_cross_entropy},
      {"loss_hard", "mean cross entropy a frame of the Boolean circuit", hard, frame, lower, false, make_cross_entropy},
  };
  return kinds;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricKind& kind : metric_kinds()) names.push_back(kind.name);
  return names;
}

const MetricKind& metric_kind(const std::string& name) {
  for (const MetricKind& kind : metric_kinds()) {
    if (kind.name == name) return kind;
  }
  const std::string near = nearest(name, metric_names());
  throw ConfigError(cat("no metric is called '", name, "'", near.empty() ? std::string() : cat(" (", near, "?)"),
                        "; there are ", join(metric_names())));
}

bool improves(Better better, double value, double best, double min_delta) {
  if (std::isnan(value)) return false;
  if (std::isnan(best)) return true;
  return better == Better::higher ? value > best + min_delta : value < best - min_delta;
}

}  // namespace dltonic::train
