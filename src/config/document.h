/// One YAML text, flattened: full keys with their values and places. What the keys mean is the loader's business.
#pragma once

#include <string>
#include <vector>

#include "faults.h"

namespace dltonic::config {

struct Value {
  enum class Kind { nothing, scalar, list, mapping };  ///< a mapping occurs only inside a list, where it is a fault
  Kind kind = Kind::nothing;
  std::string text;          ///< of a scalar, as written
  std::vector<Value> items;  ///< of a list
  Place place;
};

struct Entry {
  std::string key;  ///< "data.frames.mode"
  Place place;      ///< of the key; the value has its own
  Value value;
};

struct Document {
  std::vector<Value> includes;  ///< scalars, in order
  std::vector<Entry> entries;
};

/// Syntax errors, duplicate keys, several documents in one text and more nesting than anybody writes are faults; what
/// could be read all the same is returned.
Document parse_document(const std::string& text, const std::string& name, int order, Faults& faults);

/// The value of a KEY=VALUE argument: "[a, b]" is a list, all else is taken as it stands.
Value parse_argument(const std::string& text, const Place& place, Faults& faults);

}  // namespace dltonic::config
