#include "dltonic/train/stopping.h"

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <regex>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::train {

bool Patience::observe(Better better, double value, double min_delta) {
  const bool improved = std::isfinite(value) && (seen == 0 || improves(better, value, best, min_delta));
  seen += std::isfinite(value);
  if (improved) {
    best = value;
    waited = 0;
    return true;
  }
  ++waited;
  return false;
}

void EarlyStoppingOptions::bind(config::Section& s) {
  s.key("patience", patience, "the run ends when so many evaluations in a row bring no improvement; 0: never").min(0);
  auto names = metric_names();
  names.insert(names.begin(), "");
  s.key("monitor", monitor, "validation metric that must improve; empty: train.monitor").choices(std::move(names));
  s.key("mode", mode, "whether smaller or larger values are better; auto: as the metric is known to be")
      .choices({"auto", "min", "max"});
  s.key("min_delta", min_delta, "less than this is no improvement").min(0);
}

Better EarlyStoppingOptions::better() const {
  if (mode == "auto") return metric_kind(monitor).better;
  return mode == "min" ? Better::lower : Better::higher;
}

std::optional<double> walltime_left_s(const std::string& walltime) {
  if (walltime.empty()) {
    const char* end = std::getenv("SLURM_JOB_END_TIME");
    if (end == nullptr) return std::nullopt;
    return std::strtod(end, nullptr) - static_cast<double>(std::time(nullptr));
  }
  // minutes[:seconds] | hours:minutes:seconds | days-hours[:minutes[:seconds]]
  static const std::regex form(R"((?:(\d+)-(\d+)(?::(\d+))?(?::(\d+))?)|(?:(\d+):(\d+):(\d+))|(?:(\d+)(?::(\d+))?))");
  std::smatch m;
  if (!std::regex_match(walltime, m, form)) {
    throw ConfigError(cat("train.walltime is '", walltime,
                          "'; it is written as Slurm's --time: minutes, hours:minutes:seconds, or days-hours:minutes:seconds"));
  }
  const auto part = [&](std::size_t i) { return m[i].matched ? std::stod(m[i].str()) : 0.0; };
  return 86400 * part(1) + 3600 * (part(2) + part(5)) + 60 * (part(3) + part(6) + part(8)) + part(4) + part(7) + part(9);
}

}  // namespace dltonic::train
