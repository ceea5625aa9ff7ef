#include "dltonic/store/settings.h"

#include <nlohmann/json.hpp>

#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {

using nlohmann::json;

void compare(const json& a, const json& b, const std::string& path, std::vector<std::string>& found) {
  if (a == b) return;
  if (a.is_object() && b.is_object()) {
    const auto below = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
    for (const auto& [name, value] : a.items()) {
      if (b.contains(name)) compare(value, b[name], below(name), found);
      else found.push_back(cat(below(name), ": ", value.dump(), " in the file, not wanted"));
    }
    for (const auto& [name, value] : b.items()) {
      if (!a.contains(name)) found.push_back(cat(below(name), ": not in the file, ", value.dump(), " wanted"));
    }
    return;
  }
  found.push_back(cat(path.empty() ? "settings" : path, ": ", a.dump(), " in the file, ", b.dump(), " wanted"));
}

}  // namespace

std::string settings_key(const std::string& settings) { return sha256_hex(settings); }

std::vector<std::string> settings_difference(const std::string& in_file, const std::string& wanted) {
  std::vector<std::string> found;
  if (in_file == wanted) return found;
  const json a = json::parse(in_file, nullptr, false), b = json::parse(wanted, nullptr, false);
  if (a.is_discarded() || b.is_discarded()) {
    found.push_back(cat("settings: '", in_file, "' in the file, '", wanted, "' wanted"));
    return found;
  }
  compare(a, b, "", found);
  return found;
}

}  // namespace dltonic::store
