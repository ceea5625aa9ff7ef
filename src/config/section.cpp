#include "dltonic/config/section.h"

#include <stdexcept>

namespace dltonic::config {

Key& Section::key(std::string name, Target target, std::string doc) {
  for (const auto& known : keys_) {
    if (known->name() == name)
      throw std::logic_error("configuration key '" + name + "' is bound twice in section '" + name_ + "'");
  }
  for (const auto& known : sections_) {
    if (known->name() == name) throw std::logic_error("'" + name + "' is a key and a section of '" + name_ + "'");
  }
  keys_.push_back(std::make_unique<Key>(std::move(name), target, std::move(doc)));
  return *keys_.back();
}

Section& Section::section(const std::string& name, std::string doc) {
  for (const auto& known : sections_) {
    if (known->name() != name) continue;
    if (known->doc_.empty()) known->doc_ = std::move(doc);
    return *known;
  }
  for (const auto& known : keys_) {
    if (known->name() == name) throw std::logic_error("'" + name + "' is a key and a section of '" + name_ + "'");
  }
  sections_.push_back(std::make_unique<Section>(name, std::move(doc)));
  return *sections_.back();
}

}  // namespace dltonic::config
