#include "dltonic/config/effective.h"

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "value.h"

namespace dltonic::config {
namespace {

bool is_empty(const Section& section) {
  if (!section.keys().empty()) return false;
  for (const auto& below : section.sections()) {
    if (!is_empty(*below)) return false;
  }
  return true;
}

/// As a person would have to write it: a "${" that stands for itself, not for a variable.
std::string as_given(const std::string& text) {
  std::string given;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "${") == 0) given += '$';
    given += text[i];
  }
  return given;
}

// ---- YAML ----

/// Text that another YAML reader would take for something else is quoted.
void emit(YAML::Emitter& out, const std::string& value) {
  const std::string text = as_given(value);
  bool flag = false;
  const bool looks_otherwise =
      text.empty() || parse_bool(text, flag) || text == "null" || text == "~" || text.find_first_of("0123456789+-.") == 0;
  if (looks_otherwise) out << YAML::DoubleQuoted;
  out << text;
}
void emit(YAML::Emitter& out, bool value) { out << (value ? "true" : "false"); }
void emit(YAML::Emitter& out, double value) { out << number_text(value); }
template <class Integer>
requires std::is_integral_v<Integer>
void emit(YAML::Emitter& out, Integer value) { out << value; }
template <class T>
void emit(YAML::Emitter& out, const std::vector<T>& values) {
  out << YAML::Flow << YAML::BeginSeq;
  for (const T& value : values) emit(out, value);
  out << YAML::EndSeq;
}

void emit(YAML::Emitter& out, const Section& section) {
  out << YAML::BeginMap;
  for (const auto& key : section.keys()) {
    out << YAML::Key << key->name() << YAML::Value;
    std::visit([&](const auto* target) { emit(out, *target); }, key->target());
  }
  for (const auto& below : section.sections()) {
    if (is_empty(*below)) continue;
    out << YAML::Key << below->name() << YAML::Value;
    emit(out, *below);
  }
  out << YAML::EndMap;
}

// ---- JSON ----

nlohmann::ordered_json json_of(const std::string& text) { return as_given(text); }
nlohmann::ordered_json json_of(const std::vector<std::string>& texts) {
  auto array = nlohmann::ordered_json::array();
  for (const auto& text : texts) array.push_back(as_given(text));
  return array;
}
template <class T>
nlohmann::ordered_json json_of(const T& value) {
  return value;
}

nlohmann::ordered_json to_json(const Section& section) {
  auto object = nlohmann::ordered_json::object();
  for (const auto& key : section.keys()) {
    std::visit([&](const auto* target) { object[key->name()] = json_of(*target); }, key->target());
  }
  for (const auto& below : section.sections()) {
    if (!is_empty(*below)) object[below->name()] = to_json(*below);
  }
  return object;
}

// ---- help ----

std::string plain(const std::string& text) { return text.empty() ? "\"\"" : text; }
std::string plain(bool value) { return value ? "true" : "false"; }
std::string plain(double value) { return nlohmann::json(value).dump(); }
template <class Integer>
requires std::is_integral_v<Integer> std::string plain(Integer value) { return std::to_string(value); }
template <class T>
std::string plain(const std::vector<T>& values) {
  std::vector<std::string> parts;
  for (const T& value : values) parts.push_back(plain(value));
  return "[" + join(parts, ",") + "]";
}

void add_help(const Section& section, const std::string& prefix, std::string& text) {
  if (!section.keys().empty()) {
    text += cat(text.empty() ? "" : "\n", prefix.empty() ? "general" : prefix.substr(0, prefix.size() - 1),
                section.doc().empty() ? "" : ": " + section.doc(), "\n");
  }
  for (const auto& key : section.keys()) {
    const std::string value = std::visit([](const auto* target) { return plain(*target); }, key->target());
    std::vector<std::string> facts{key->choices().empty() ? type_name(*key) : join(key->choices(), " | ")};
    if (!key->unit().empty()) facts.push_back("in " + key->unit());
    if (const std::string bounds = bounds_text(*key); !bounds.empty()) facts.push_back(bounds);
    if (key->is_required()) facts.push_back("required");
    text += cat("  ", prefix, key->name(), "=", key->is_required() && value == "\"\"" ? "..." : value, "   (", join(facts),
                ")\n      ", key->doc(), "\n");
  }
  for (const auto& below : section.sections()) add_help(*below, prefix + below->name() + ".", text);
}

std::string written(const Value& value) {
  if (value.kind != Value::Kind::list) return value.text;
  std::vector<std::string> items;
  for (const Value& item : value.items) items.push_back(written(item));
  return "[" + join(items, ",") + "]";
}

}  // namespace

std::string effective_yaml(const Section& root) {
  if (is_empty(root)) return "{}\n";
  YAML::Emitter out;
  emit(out, root);
  return std::string(out.c_str()) + "\n";
}

std::string effective_json(const Section& root) {
  return to_json(root).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string help(const Section& root) {
  std::string text;
  add_help(root, "", text);
  return text;
}

std::vector<std::pair<std::string, std::string>> flat_values(const std::string& text, const std::string& name) {
  Faults faults;
  const Document document = parse_document(text, name, 0, faults);
  faults.raise();
  std::vector<std::pair<std::string, std::string>> values;
  for (const Entry& entry : document.entries) values.emplace_back(entry.key, written(entry.value));
  return values;
}

}  // namespace dltonic::config
