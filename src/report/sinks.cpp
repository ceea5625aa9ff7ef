#include "dltonic/report/sinks.h"

namespace dltonic::report {

std::vector<std::unique_ptr<train::MetricSink>> make_sinks(const Options& options, const std::filesystem::path& run_dir) {
  std::vector<std::unique_ptr<train::MetricSink>> sinks;
  sinks.push_back(make_jsonl_sink(run_dir / "metrics.jsonl"));
  if (options.tensorboard) sinks.push_back(make_tensorboard_sink(run_dir / "tensorboard"));
  return sinks;
}

}  // namespace dltonic::report
