#include "dltonic/config/loader.h"

#include <algorithm>
#include <functional>
#include <set>

#include "compose.h"
#include "dltonic/config/migration.h"
#include "value.h"

namespace dltonic::config {
namespace {

/// The schema by full keys, and the binding of what was written to it.
class Binder {
 public:
  Binder(const Section& root, Faults& faults) : root_(root), faults_(faults) { index(root, ""); }

  /// Later entries win. Unknown keys are faults at once, also where a later file would have won.
  void add(const Entry& entry) {
    if (keys_.count(entry.key)) {
      winners_[entry.key] = entry;
    } else if (sections_.count(entry.key)) {
      if (entry.value.kind != Value::Kind::nothing) fault(entry.place, entry.key, section_advice(entry.key));
    } else {
      fault(entry.place, entry.key, unknown(entry.key));
    }
  }

  /// Values into targets, then what is missing, then the checks between keys. `whole` stands for the configuration as a
  /// whole in faults that have no place.
  void bind(const Place& whole) {
    for (const auto& [key, entry] : winners_) {
      assign(*keys_.at(key), entry.value,
             [this, name = key](const Place& place, const std::string& message) { fault(place, name, message); });
    }
    if (faults_.incomplete()) return;  // the missing file may give what is missing
    for (const auto& [key, known] : keys_) {
      if (known->is_required() && !winners_.count(key)) fault(whole, key, "required, but given nowhere: " + known->doc(), true);
    }
    check(root_, "", whole);
  }

  const std::map<std::string, Entry>& winners() const { return winners_; }

 private:
  void index(const Section& section, const std::string& prefix) {
    for (const auto& key : section.keys()) {
      keys_[prefix + key->name()] = key.get();
      names_.push_back(prefix + key->name());
    }
    for (const auto& below : section.sections()) {
      sections_.insert(prefix + below->name());
      index(*below, prefix + below->name() + ".");
    }
  }

  void fault(const Place& place, const std::string& key, const std::string& message, bool name_key = false) {
    faulty_.insert(key);
    faults_.add(place, key, name_key && place.argument ? key + ": " + message : message);
  }

  std::string section_advice(const std::string& key) const {
    const auto& known = groups();
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      return cat("is a section; choose its file by 'include: ../", key, "/NAME.yaml' or by ", key, "=NAME on the command line");
    }
    const auto below =
        std::find_if(names_.begin(), names_.end(), [&](const std::string& name) { return name.starts_with(key + "."); });
    return cat("is a section, it has no value of its own", below == names_.end() ? "" : "; its keys are like " + *below);
  }

  std::string unknown(const std::string& key) const {
    if (const std::string advice = migration_advice(key); !advice.empty()) return "unknown key; " + advice;
    for (std::size_t dot = key.rfind('.'); dot != std::string::npos && dot > 0; dot = key.rfind('.', dot - 1)) {
      const auto above = keys_.find(key.substr(0, dot));
      if (above != keys_.end())
        return cat("unknown key; ", above->first, " takes: ", type_name(*above->second), ", and has no keys below it");
    }
    if (const std::string near = nearest(key, names_); !near.empty()) return "unknown key; did you mean " + near + "?";
    // The right word in the wrong section.
    const auto last = [](const std::string& name) { return name.substr(name.rfind('.') + 1); };
    std::vector<std::string> elsewhere;
    for (const auto& name : names_) {
      if (last(name) == last(key)) elsewhere.push_back(name);
    }
    if (!elsewhere.empty()) return "unknown key; did you mean " + join(elsewhere, " or ") + "?";
    return "unknown key; --help-config lists all keys";
  }

  /// A check is left out where a value of its section (or below) is faulty: it would judge the default instead.
  void check(const Section& section, const std::string& prefix, const Place& whole) {
    const auto first = faulty_.lower_bound(prefix);
    const bool sound = first == faulty_.end() || !first->starts_with(prefix);
    if (sound) {
      for (const auto& check : section.checks()) {
        const std::string message = check.fault();
        if (message.empty()) continue;
        const std::string key = prefix + check.key;
        const auto given = winners_.find(key);
        faults_.add(given == winners_.end() ? whole : given->second.value.place, key,
                    given == winners_.end() && whole.argument ? key + ": " + message : message);
      }
    }
    for (const auto& below : section.sections()) check(*below, prefix + below->name() + ".", whole);
  }

  const Section& root_;
  Faults& faults_;
  std::map<std::string, const Key*> keys_;
  std::vector<std::string> names_;  ///< of keys_, in order of binding
  std::set<std::string> sections_;
  std::set<std::string> faulty_;
  std::map<std::string, Entry> winners_;
};

struct CommandLine {
  std::string file;
  Place file_place;
  Choices choices;
  std::vector<Entry> overrides;
};

CommandLine read_arguments(const std::vector<std::string>& arguments, Faults& faults) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const Place place = argument_place(argument, static_cast<int>(i));
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos && i == 0) {
      line.file = argument;
      line.file_place = place;
      continue;
    }
    if (equals == std::string::npos || equals == 0) {
      faults.add(place, "",
                 i == 0 || line.file.empty() ? "expected KEY=VALUE; a configuration file comes first"
                                             : "expected KEY=VALUE; the configuration file is " + line.file);
      continue;
    }
    const std::string key = argument.substr(0, equals), value = argument.substr(equals + 1);
    if (std::find(groups().begin(), groups().end(), key) == groups().end()) {
      line.overrides.push_back({key, place, parse_argument(value, place, faults)});
    } else if (value.empty()) {
      faults.add(place, "", cat("expected ", key, "=NAME, a file of configs/", key, "/"));
    } else if (key == "experiment" && !line.file.empty()) {
      faults.add(place, "", "the configuration file " + line.file + " is given already; give one of both");
    } else {
      line.choices[key] = {value, place};
    }
  }
  return line;
}

void bind_all(const Section& root, const std::vector<Document>& documents, const std::vector<Entry>& overrides,
              const Place& whole, Faults& faults, std::map<std::string, std::string>& where) {
  Binder binder(root, faults);
  for (const auto& document : documents) {
    for (const auto& entry : document.entries) binder.add(entry);
  }
  for (const auto& entry : overrides) binder.add(entry);
  binder.bind(whole);
  faults.raise();
  where.clear();
  for (const auto& [key, entry] : binder.winners()) where[key] = entry.value.place.text();
}

}  // namespace

Loader::Loader(Section& root, std::filesystem::path default_configs)
    : root_(root), default_configs_(std::move(default_configs)) {}

void Loader::load(const std::vector<std::string>& arguments) {
  Faults faults;
  const CommandLine line = read_arguments(arguments, faults);
  Composer composer(configs_folder(line.file, default_configs_), line.choices, faults);
  const auto documents = composer.compose(line.file, line.file_place);
  Place whole{.source = line.file, .order = 999'999};
  if (line.file.empty()) whole = {.source = "command line", .argument = true, .order = 2'000'000};
  bind_all(root_, documents, line.overrides, whole, faults, where_);
}

void Loader::load_text(const std::string& text, const std::string& name) {
  Faults faults;
  Composer composer(configs_folder("", default_configs_), {}, faults);
  const auto documents = composer.compose_text(text, name);
  bind_all(root_, documents, {}, {.source = name, .order = 999'999}, faults, where_);
}

std::string Loader::where(const std::string& key) const {
  const auto found = where_.find(key);
  return found == where_.end() ? "" : found->second;
}

}  // namespace dltonic::config
