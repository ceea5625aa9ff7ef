/// What a Section holds, as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dltonic/config/section.h"

namespace dltonic::config {

/// Every key with its present value. Loading this text again gives the same values (numbers keep all their digits).
std::string effective_yaml(const Section& root);
/// The same as one JSON object on one line, keys in order of binding.
std::string effective_json(const Section& root);
/// Every key with type, present value (before loading: its default), unit, bounds, choices and meaning, by section.
std::string help(const Section& root);
/// The keys of a configuration text with their values as they are written, in its order; lists as "[a,b]". No schema is
/// asked: this looks into what another version of the program has written. ConfigError where the text is no YAML.
std::vector<std::pair<std::string, std::string>> flat_values(const std::string& text, const std::string& name);

}  // namespace dltonic::config
