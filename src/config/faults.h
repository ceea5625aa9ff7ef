/// Faults are collected while a configuration is read, so that a person sees all of them at once.
#pragma once

#include <string>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::config {

/// Where something was said: in a file (line, column from 1), or by an argument of the command line.
struct Place {
  std::string source;        ///< file name, or "command line: argument"
  int line = 0, column = 0;  ///< 0: the whole file or argument
  bool argument = false;
  int order = 0;  ///< faults are told by it: files as they were read, then arguments

  std::string text() const { return line > 0 ? cat(source, ':', line, ':', column) : source; }
};

inline Place argument_place(const std::string& argument, int index) {
  return {.source = "command line: " + argument, .argument = true, .order = 1'000'000 + index};
}

class Faults {
 public:
  /// An argument shows its key itself, so `key` (may be "") is written for files only.
  void add(const Place& place, const std::string& key, const std::string& message);
  bool empty() const { return faults_.empty(); }
  /// Something could not be read at all: what depends on all values being known must not be judged.
  void set_incomplete() { incomplete_ = true; }
  bool incomplete() const { return incomplete_; }
  /// Throws one ConfigError with all faults, in order of place; returns where there are none.
  void raise() const;

 private:
  struct Fault {
    std::tuple<int, int, int> order;
    std::string text;
  };
  std::vector<Fault> faults_;
  std::unordered_set<std::string> told_;
  bool incomplete_ = false;
};

}  // namespace dltonic::config
