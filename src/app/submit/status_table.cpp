#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/submit/status.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

/// Shortest text that reads back as the same number; whole numbers without a point.
std::string number(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  return Json(value).dump();
}

std::string of(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : ""; }
std::string of(const std::optional<double>& value) { return value ? number(*value) : ""; }

std::string csv_line(const Cells& cells) {
  Cells quoted;
  for (const auto& cell : cells) {
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      quoted.push_back(cell);
      continue;
    }
    std::string text = "\"";
    for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    quoted.push_back(text + "\"");
  }
  return join(quoted, ",") + "\n";
}

template <class Value>
void add_names(const std::vector<std::pair<std::string, Value>>& pairs, Cells& names) {
  for (const auto& [name, value] : pairs) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace

std::string status_text(const std::vector<RunStatus>& runs) {
  std::vector<Cells> lines{{"RUN", "STATE", "JOB", "STEP", "EPOCH", "METRIC", "VALUE"}};
  for (const RunStatus& run : runs) {
    const std::string epoch = run.epoch ? cat(number(*run.epoch), run.epochs.empty() ? "" : "/", run.epochs) : "";
    lines.push_back({run.name, run.state, run.job, of(run.step), epoch, run.value ? run.monitor : "",
                     run.value ? fixed(*run.value, 4) : ""});
  }
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) line[i].resize(widths[i], ' ');
    const std::string row = join(line, "  ");
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string status_json(const std::vector<RunStatus>& runs) {
  Json list = Json::array();
  for (const RunStatus& run : runs) {
    Json values = Json::object(), metrics = Json::object();
    for (const auto& [key, value] : run.values) values[key] = value;
    for (const auto& [name, value] : run.metrics) metrics[name] = value;
    list.push_back({{"run", run.name},
                    {"dir", run.dir.string()},
                    {"submission", run.submission},
                    {"job", run.job},
                    {"state", run.state},
                    {"step", run.step ? Json(*run.step) : Json()},
                    {"epoch", run.epoch ? Json(*run.epoch) : Json()},
                    {"epochs", run.epochs},
                    {"monitor", run.monitor},
                    {"value", run.value ? Json(*run.value) : Json()},
                    {"swept", values},
                    {"metrics", metrics}});
  }
  return Json{{"runs", list}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string status_csv(const std::vector<RunStatus>& runs) {
  Cells swept, metrics;
  for (const RunStatus& run : runs) {
    add_names(run.values, swept);
    add_names(run.metrics, metrics);
  }
  Cells head{"run", "state", "job", "step", "epoch"};
  head.insert(head.end(), swept.begin(), swept.end());
  head.insert(head.end(), metrics.begin(), metrics.end());
  std::string text = csv_line(head);
  for (const RunStatus& run : runs) {
    Cells cells{run.name, run.state, run.job, of(run.step), of(run.epoch)};
    for (const auto& key : swept) {
      const auto found =
          std::find_if(run.values.begin(), run.values.end(), [&](const auto& pair) { return pair.first == key; });
      cells.push_back(found == run.values.end() ? "" : found->second);
    }
    for (const auto& name : metrics) {
      const auto found =
          std::find_if(run.metrics.begin(), run.metrics.end(), [&](const auto& pair) { return pair.first == name; });
      cells.push_back(found == run.metrics.end() ? "" : number(found->second));
    }
    text += csv_line(cells);
  }
  return text;
}

}  // namespace dltonic::app
