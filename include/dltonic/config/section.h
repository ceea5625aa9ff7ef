/// How a module declares its configuration: a plain struct with defaults, and `bind`, which names each key once.
/// The same declaration serves loading, checks, help, the effective config in the run directory and the config builder.
///
///   struct OrderOptions {
///     int batch_size = 100;
///     void bind(config::Section& s) {
///       s.key("batch_size", batch_size, "samples a step, over all ranks").min(1);
///     }
///   };
///
/// Targets must outlive the Section. Nothing here throws but programming errors (a key bound twice).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dltonic::config {

using Target = std::variant<bool*, int*, std::int64_t*, std::uint64_t*, double*, std::string*, std::vector<int>*,
                            std::vector<double>*, std::vector<std::string>*>;

/// One key: where its value goes and what is known of it.
class Key {
 public:
  Key(std::string name, Target target, std::string doc) : name_(std::move(name)), target_(target), doc_(std::move(doc)) {}

  Key& unit(std::string unit) {
    unit_ = std::move(unit);
    return *this;
  }  ///< "us", "s", "pixels"
  Key& min(double least) {
    min_ = least;
    return *this;
  }  ///< least value allowed (of every element)
  Key& max(double most) {
    max_ = most;
    return *this;
  }
  Key& above(double bound) {
    above_ = bound;
    return *this;
  }  ///< value > bound
  Key& below(double bound) {
    below_ = bound;
    return *this;
  }  ///< value < bound
  Key& choices(std::vector<std::string> words) {
    choices_ = std::move(words);
    return *this;
  }  ///< allowed strings
  /// A number or the word "auto": `target` is a std::string then, checked to be one of both.
  Key& or_auto() {
    or_auto_ = true;
    return *this;
  }
  Key& required() {
    required_ = true;
    return *this;
  }

  const std::string& name() const { return name_; }
  const std::string& doc() const { return doc_; }
  const std::string& unit() const { return unit_; }
  const Target& target() const { return target_; }
  const std::vector<std::string>& choices() const { return choices_; }
  std::optional<double> min() const { return min_; }
  std::optional<double> max() const { return max_; }
  std::optional<double> above() const { return above_; }
  std::optional<double> below() const { return below_; }
  bool is_required() const { return required_; }
  bool is_or_auto() const { return or_auto_; }

 private:
  std::string name_;
  Target target_;
  std::string doc_;
  std::string unit_;
  std::vector<std::string> choices_;
  std::optional<double> min_, max_, above_, below_;
  bool required_ = false, or_auto_ = false;
};

/// A group of keys and of sections below it.
class Section {
 public:
  explicit Section(std::string name = {}, std::string doc = {}) : name_(std::move(name)), doc_(std::move(doc)) {}

  Key& key(std::string name, Target target, std::string doc);
  template <class T>
  Key& key(std::string name, T& target, std::string doc) {
    return key(std::move(name), Target(&target), std::move(doc));
  }
  /// The section `name` below this one, made where it is not there yet.
  Section& section(const std::string& name, std::string doc = {});
  /// A check between keys, run once all values are in and each fits its own bounds. It returns a fault, or "" where
  /// all is well. `key` (relative to this section) is where the fault is reported.
  void check(std::string key, std::function<std::string()> fault) { checks_.push_back({std::move(key), std::move(fault)}); }

  struct Check {
    std::string key;
    std::function<std::string()> fault;
  };
  const std::string& name() const { return name_; }
  const std::string& doc() const { return doc_; }
  const std::vector<std::unique_ptr<Key>>& keys() const { return keys_; }
  const std::vector<std::unique_ptr<Section>>& sections() const { return sections_; }
  const std::vector<Check>& checks() const { return checks_; }

 private:
  std::string name_, doc_;
  std::vector<std::unique_ptr<Key>> keys_;
  std::vector<std::unique_ptr<Section>> sections_;
  std::vector<Check> checks_;
};

}  // namespace dltonic::config
