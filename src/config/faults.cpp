#include "faults.h"

#include <algorithm>

namespace dltonic::config {

void Faults::add(const Place& place, const std::string& key, const std::string& message) {
  std::string text = place.text() + ": ";
  if (!place.argument && !key.empty()) text += key + ": ";
  text += message;
  // A file that is included twice tells its faults once.
  if (!told_.insert(text).second) return;
  faults_.push_back({{place.order, place.line, place.column}, std::move(text)});
}

void Faults::raise() const {
  if (faults_.empty()) return;
  auto sorted = faults_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Fault& a, const Fault& b) { return a.order < b.order; });
  std::string what = cat(sorted.size(), sorted.size() == 1 ? " fault" : " faults", " in the configuration:");
  for (const auto& fault : sorted) what += "\n" + fault.text;
  throw ConfigError(what);
}

}  // namespace dltonic::config
