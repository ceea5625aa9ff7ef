#include "dltonic/train/checkpoint_fit.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"

namespace dltonic::train {
namespace {

using nlohmann::json;

bool allowed(const std::string& path, std::span<const std::string> allow) {
  return std::any_of(allow.begin(), allow.end(),
                     [&](const std::string& name) { return path == name || path.starts_with(name + "."); });
}

void compare(const std::string& path, const json& saved, const json& here, std::span<const std::string> allow,
             std::vector<std::string>& lines) {
  if (saved == here || allowed(path, allow)) return;
  if (saved.is_object() && here.is_object()) {
    for (const auto& [name, value] : here.items()) {
      if (saved.contains(name)) compare(path.empty() ? name : path + "." + name, saved[name], value, allow, lines);
    }
    return;
  }
  lines.push_back(cat(path, ": ", saved.dump(), " in the checkpoint, ", here.dump(), " here"));
}

}  // namespace

std::string wiring_hash(std::span<const TensorView> state) {
  Sha256 hash;
  bool any = false;
  for (const TensorView& tensor : state) {
    if (tensor.type != DType::i32) continue;
    any = true;
    hash.update(cat(tensor.name, " ", tensor.elements(), "\n"));
    hash.update(std::span(static_cast<const std::byte*>(tensor.data), tensor.bytes()));
  }
  return any ? hash.hex() : std::string();
}

std::string fit_text(const FitFacts& facts) {
  json all = json::object();
  for (const auto& [name, text] : facts) all[name] = json::parse(text);
  return all.dump();
}

std::vector<std::string> fit_differences(const std::string& saved, const FitFacts& here, std::span<const std::string> allow) {
  std::vector<std::string> lines;
  if (!saved.empty()) compare("", json::parse(saved), json::parse(fit_text(here)), allow, lines);
  return lines;
}

}  // namespace dltonic::train
