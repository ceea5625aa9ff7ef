/// The files that keep a run's metrics.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "dltonic/report/options.h"
#include "dltonic/train/metric_sink.h"

namespace dltonic::report {

/// `path`, one JSON object a line and point:
///   {"time":"2026-11-22T22:06:57Z","split":"val","epoch":3,"step":1620,"loss":0.41,"accuracy_hard":0.87}
/// Appends: a resumed run goes on in the same file, and a last line that a crash cut off is dropped first. Where such a
/// run repeats steps, both lines stay; for equal (split, step) the later one counts. A value that is not finite is null.
/// A point that cannot be written whole (full disk) leaves nothing of itself. Throws StorageError.
std::unique_ptr<train::MetricSink> make_jsonl_sink(const std::filesystem::path& path);

/// A new event file in `folder` (made where it is missing), for TensorBoard: the scalar `loss` of split `val` is shown as
/// `loss/val`. Every process writes a file of its own; TensorBoard joins them. The format: TFRecord frames around the
/// protobuf messages of event.proto. Throws StorageError.
std::unique_ptr<train::MetricSink> make_tensorboard_sink(const std::filesystem::path& folder);

/// All that a run directory gets: metrics.jsonl, and tensorboard/ where the options wish it.
std::vector<std::unique_ptr<train::MetricSink>> make_sinks(const Options& options, const std::filesystem::path& run_dir);

}  // namespace dltonic::report
