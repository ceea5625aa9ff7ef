#include "value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "dltonic/config/storage_dirs.h"

namespace dltonic::config {
namespace {

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class Number>
bool parse_whole(const std::string& text, Number& value) {
  const char* first = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, value);
  return error == std::errc() && end == last && first != last;
}

bool parse_number(const std::string& text, double& value) { return parse_whole(text, value) && std::isfinite(value); }

/// Bounds are checked on the number as given, before it is cut to the target's type.
std::string bounds_fault(const Key& key, double value, const std::string& written) {
  const std::string unit = key.unit().empty() ? "" : " " + key.unit();
  const auto fault = [&](const char* relation, double bound) {
    std::string limit = number_text(bound);
    if (limit.ends_with(".0")) limit.resize(limit.size() - 2);
    return cat("is ", written, unit, ", must be ", relation, " ", limit, unit);
  };
  if (key.min() && value < *key.min()) return fault("at least", *key.min());
  if (key.max() && value > *key.max()) return fault("at most", *key.max());
  if (key.above() && !(value > *key.above())) return fault("above", *key.above());
  if (key.below() && !(value < *key.below())) return fault("below", *key.below());
  return "";
}

std::string choice_fault(const Key& key, const std::string& word) {
  const auto& choices = key.choices();
  if (choices.empty() || std::find(choices.begin(), choices.end(), word) != choices.end()) return "";
  const std::string near = nearest(word, choices);
  return cat("is \"", word, "\", must be one of ", join(choices), near.empty() ? "" : "; did you mean " + near + "?");
}

std::string type_fault(const Key& key, const std::string& text) { return cat("is \"", text, "\", expected: ", type_name(key)); }

// One overload a type: the value into `value`, or a fault.

std::string convert(const Key& key, const std::string& text, bool& value) {
  return parse_bool(text, value) ? "" : type_fault(key, text);
}

std::string convert(const Key& key, const std::string& text, double& value) {
  return parse_number(text, value) ? bounds_fault(key, value, text) : type_fault(key, text);
}

template <class Integer>
requires std::is_integral_v<Integer> std::string convert(const Key& key, const std::string& text, Integer& value) {
  double number = 0;
  if (!parse_number(text, number)) return type_fault(key, text);
  if (number != std::floor(number)) return type_fault(key, text) + " without a fraction";
  if (const std::string fault = bounds_fault(key, number, text); !fault.empty()) return fault;
  if (parse_whole(text, value)) return "";
  // Here are forms like 1e3, and numbers that the type cannot hold. 2^digits is exact in double, the largest value is not.
  const double limit = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  const double least = std::is_signed_v<Integer> ? -limit : 0.0;
  const bool plain_digits = text.find_first_of(".eE") == std::string::npos;
  if (plain_digits || number < least || number >= limit) {
    return cat("is ", text, ", must lie between ", std::numeric_limits<Integer>::min(), " and ",
               std::numeric_limits<Integer>::max());
  }
  value = static_cast<Integer>(number);
  return "";
}

std::string convert(const Key& key, const std::string& text, std::string& value) {
  if (key.is_or_auto() && text != "auto") {
    double number = 0;
    if (!parse_number(text, number)) return type_fault(key, text);
    if (const std::string fault = bounds_fault(key, number, text); !fault.empty()) return fault;
  }
  value = text;
  return choice_fault(key, text);
}

/// "512, 256" is a list too: brackets are awkward in a shell.
std::vector<Value> split(const Value& value) {
  std::vector<Value> items;
  if (value.text.find_first_not_of(" \t") == std::string::npos) return items;
  std::size_t begin = 0;
  for (bool more = true; more;) {
    const std::size_t comma = value.text.find(',', begin);
    more = comma != std::string::npos;
    std::string text = value.text.substr(begin, more ? comma - begin : std::string::npos);
    begin = comma + 1;
    text.erase(0, text.find_first_not_of(" \t"));
    text.erase(text.find_last_not_of(" \t") + 1);
    items.push_back({Value::Kind::scalar, text, {}, value.place});
  }
  return items;
}

/// The text of a value that must be a scalar; false after a fault.
bool scalar_text(const Key& key, const Value& value, const Report& report, std::string& text) {
  if (value.kind == Value::Kind::scalar) {
    bool sound = true;
    text = interpolate(value.text, value.place, [&](const Place& place, const std::string& message) {
      sound = false;
      report(place, message);
    });
    return sound;
  }
  const char* what = value.kind == Value::Kind::list      ? "is a list"
                     : value.kind == Value::Kind::mapping ? "is a mapping"
                                                          : "has no value";
  const bool is_text = std::holds_alternative<std::string*>(key.target());
  report(value.place, cat(what, ", expected: ", type_name(key),
                          value.kind == Value::Kind::nothing && is_text ? " (\"\" for an empty one)" : ""));
  return false;
}

template <class T>
bool assign_to(const Key& key, const Value& value, const Report& report, T& target) {
  std::string text;
  if (!scalar_text(key, value, report, text)) return false;
  T converted{};
  const std::string fault = convert(key, text, converted);
  if (fault.empty()) target = std::move(converted);
  else report(value.place, fault);
  return fault.empty();
}

template <class T>
bool assign_to(const Key& key, const Value& value, const Report& report, std::vector<T>& target) {
  std::vector<Value> items = value.items;
  if (value.kind != Value::Kind::list) {
    Value whole = value;
    if (!scalar_text(key, value, report, whole.text)) return false;
    items = split(whole);
  }
  std::vector<T> elements;
  bool sound = true;
  for (const Value& item : items) {
    T element{};
    sound = assign_to(key, item, report, element) && sound;
    elements.push_back(std::move(element));
  }
  if (sound) target = std::move(elements);
  return sound;
}

}  // namespace

std::string interpolate(const std::string& text, const Place& place, const Report& report) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (text.compare(i, 3, "$${") == 0) {
      result += "${";
      i += 3;
    } else if (text.compare(i, 2, "${") == 0) {
      const std::size_t end = text.find('}', i);
      const std::string name = text.substr(i + 2, end == std::string::npos ? end : end - i - 2);
      const bool is_name =
          end != std::string::npos && !name.empty() &&
          name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
      if (!is_name) {
        report(place, cat("\"", text, "\": ${NAME} stands for an environment variable; write $${ for a plain ${"));
        return "";
      }
      const auto value = environment(name);
      if (!value) {
        report(place, cat("\"", text, "\": the environment variable ", name, " is not set"));
        return "";
      }
      result += *value;
      i = end + 1;
    } else {
      result += text[i++];
    }
  }
  return result;
}

bool assign(const Key& key, const Value& value, const Report& report) {
  return std::visit([&](auto* target) { return assign_to(key, value, report, *target); }, key.target());
}

std::string type_name(const Key& key) {
  struct Name {
    bool or_auto;
    std::string operator()(const bool*) const { return "true or false"; }
    std::string operator()(const int*) const { return "integer"; }
    std::string operator()(const std::int64_t*) const { return "integer"; }
    std::string operator()(const std::uint64_t*) const { return "integer, not negative"; }
    std::string operator()(const double*) const { return "number"; }
    std::string operator()(const std::string*) const { return or_auto ? "number or auto" : "text"; }
    std::string operator()(const std::vector<int>*) const { return "list of integers"; }
    std::string operator()(const std::vector<double>*) const { return "list of numbers"; }
    std::string operator()(const std::vector<std::string>*) const { return "list of texts"; }
  };
  return std::visit(Name{key.is_or_auto()}, key.target());
}

std::string bounds_text(const Key& key) {
  std::vector<std::string> parts;
  const auto add = [&](const char* relation, const std::optional<double>& bound) {
    if (!bound) return;
    std::string limit = number_text(*bound);
    if (limit.ends_with(".0")) limit.resize(limit.size() - 2);
    parts.push_back(cat(relation, " ", limit));
  };
  add("at least", key.min());
  add("above", key.above());
  add("at most", key.max());
  add("below", key.below());
  return join(parts);
}

std::string number_text(double value) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, result.ptr);
  if (!std::isfinite(value) || text.find('.') != std::string::npos) return text;
  const std::size_t exponent = text.find('e');
  return text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
}

bool parse_bool(const std::string& text, bool& value) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower == "true" || lower == "yes" || lower == "on") value = true;
  else if (lower == "false" || lower == "no" || lower == "off") value = false;
  else return false;
  return true;
}

}  // namespace dltonic::config
