/// The makers that registry.cpp names: one a file.
#pragma once

#include "dltonic/train/metric.h"

namespace dltonic::train {

std::unique_ptr<Metric> make_accuracy(int classes);
std::unique_ptr<Metric> make_precision_macro(int classes);
std::unique_ptr<Metric> make_recall_macro(int classes);
std::unique_ptr<Metric> make_f1_macro(int classes);
std::unique_ptr<Metric> make_cross_entropy(int classes);
std::unique_ptr<Metric> make_top5_accuracy(int classes);

}  // namespace dltonic::train
