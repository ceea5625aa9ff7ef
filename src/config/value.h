/// From written values to typed targets.
#pragma once

#include <functional>
#include <string>

#include "dltonic/config/section.h"
#include "document.h"

namespace dltonic::config {

/// Called with the place and the message of a fault.
using Report = std::function<void(const Place&, const std::string&)>;

/// ${NAME} becomes the environment variable's value, $${ a plain ${. An unset variable is a fault; returns "" then.
std::string interpolate(const std::string& text, const Place& place, const Report& report);

/// Converts, checks bounds and choices, and stores; on a fault the target keeps its value and false is returned.
bool assign(const Key& key, const Value& value, const Report& report);

/// "integer", "number or auto", "list of numbers", ...
std::string type_name(const Key& key);
/// "at least 1, below 10 us"; "" where there are no bounds.
std::string bounds_text(const Key& key);
/// Shortest text that reads back as the same number; always with a point, so that other YAML readers see a float.
std::string number_text(double value);
/// yes/true/on and no/false/off in any case.
bool parse_bool(const std::string& text, bool& value);

}  // namespace dltonic::config
