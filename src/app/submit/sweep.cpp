#include "app/submit/sweep.h"

#include <algorithm>
#include <map>
#include <set>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

constexpr std::size_t kMostTasks = 1000;   ///< Slurm's own limit of an array (MaxArraySize) is 1001 by default
constexpr std::size_t kLongestValue = 40;  ///< of a value in a name
constexpr std::size_t kLongestName = 200;  ///< file systems take 255 bytes

/// The values of one KEY=VALUE word.
std::vector<std::string> values_of(const std::string& text, bool is_list) {
  std::vector<std::string> values(1);
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',') {
      values.back() += text[++i];
      continue;
    }
    if (text[i] == '[') ++depth;
    if (text[i] == ']') --depth;
    if (text[i] == ',' && depth == 0) values.emplace_back();
    else values.back() += text[i];
  }
  const bool is_sweep = !is_list || std::all_of(values.begin(), values.end(), [](const std::string& value) {
    return value.starts_with('[') && value.ends_with(']');
  });
  return is_sweep ? values : std::vector<std::string>{text};
}

/// Fit for a folder's name, in any shell.
std::string tame(const std::string& value) {
  std::string name;
  for (const char c : value.substr(0, kLongestValue)) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                      c == '+' || c == ',';
    if (fits) name += c;
    else if (c != '[' && c != ']') name += '_';
  }
  return name;
}

std::string last_component(const std::string& key) { return key.substr(key.rfind('.') + 1); }

/// Long keys only where two swept keys end alike; a number where the values alone do not tell runs apart.
void name_tasks(std::vector<SweepTask>& tasks) {
  std::map<std::string, int> ends;
  for (const auto& [key, value] : tasks.front().values) ++ends[last_component(key)];
  std::set<std::string> names;
  for (SweepTask& task : tasks) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : task.values) {
      parts.push_back(cat(ends[last_component(key)] > 1 ? key : last_component(key), "=", tame(value)));
    }
    task.name = join(parts, "-").substr(0, kLongestName);
    names.insert(task.name);
  }
  if (names.size() == tasks.size()) return;
  for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].name += cat("-", i);
}

}  // namespace

std::vector<SweepTask> expand_sweep(const std::vector<std::string>& words,
                                    const std::function<bool(const std::string&)>& is_list) {
  std::vector<SweepTask> tasks(1);
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const auto values =
        equals == std::string::npos ? std::vector<std::string>{} : values_of(word.substr(equals + 1), is_list(key));
    if (values.size() < 2) {
      const std::string plain = values.empty() ? word : cat(key, "=", values[0]);
      for (SweepTask& task : tasks) task.words.push_back(plain);
      continue;
    }
    if (tasks.front().values.end() != std::find_if(tasks.front().values.begin(), tasks.front().values.end(),
                                                   [&](const auto& swept) { return swept.first == key; }))
      throw ConfigError(cat("command line: ", word, ": ", key, " is swept already"));
    if (std::set<std::string>(values.begin(), values.end()).size() < values.size())
      throw ConfigError(cat("command line: ", word, ": a value is given twice"));
    if (std::find(values.begin(), values.end(), "") != values.end())
      throw ConfigError(
          cat("command line: ", word, ": a value is empty; a comma parts the values of a sweep, write \\, for a plain one"));
    if (tasks.size() * values.size() > kMostTasks)
      throw ConfigError(cat("command line: ", word, ": makes ", tasks.size() * values.size(), " runs, at most ", kMostTasks,
                            " go into one job"));
    std::vector<SweepTask> more;
    for (const SweepTask& task : tasks) {
      for (const std::string& value : values) {
        more.push_back(task);
        more.back().words.push_back(cat(key, "=", value));
        more.back().values.emplace_back(key, value);
      }
    }
    tasks = std::move(more);
  }
  if (tasks.size() > 1) name_tasks(tasks);
  return tasks;
}

}  // namespace dltonic::app
