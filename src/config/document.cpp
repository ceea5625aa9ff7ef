#include "document.h"

#include <yaml-cpp/yaml.h>

#include <set>

namespace dltonic::config {
namespace {

// A text can name itself (&a [*a]) or grow without end by aliases of aliases; no configuration comes near these.
constexpr int kDeepest = 16;
constexpr int kMostNodes = 10'000;

class Reader {
 public:
  Reader(std::string name, int order, Faults& faults) : name_(std::move(name)), order_(order), faults_(faults) {}

  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {.source = name_, .order = order_};
    return {.source = name_, .line = mark.line + 1, .column = mark.column + 1, .order = order_};
  }

  /// False where the text must be given up.
  bool within_limits(const YAML::Node& node, int depth) {
    if (depth <= kDeepest && ++nodes_ <= kMostNodes) return true;
    if (!gave_up_)
      faults_.add(place(node.Mark()), "",
                  cat("nested deeper than ", kDeepest, " levels, or more than ", kMostNodes, " values"));
    gave_up_ = true;
    faults_.set_incomplete();
    return false;
  }

  Value value(const YAML::Node& node, int depth) {
    Value value;
    value.place = place(node.Mark());
    if (!within_limits(node, depth) || node.IsNull()) return value;
    if (node.IsMap()) {
      value.kind = Value::Kind::mapping;
    } else if (node.IsSequence()) {
      value.kind = Value::Kind::list;
      for (const auto& item : node) {
        if (gave_up_) break;
        value.items.push_back(this->value(item, depth + 1));
      }
    } else {
      value.kind = Value::Kind::scalar;
      value.text = node.Scalar();
    }
    return value;
  }

  void mapping(const YAML::Node& node, const std::string& prefix, int depth, Document& document) {
    if (!within_limits(node, depth)) return;
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (gave_up_) return;
      const Place key_place = place(pair.first.Mark());
      if (!pair.first.IsScalar()) {
        faults_.add(key_place, prefix, "a key must be a plain word");
        continue;
      }
      const std::string key = prefix.empty() ? pair.first.Scalar() : prefix + "." + pair.first.Scalar();
      if (!seen.insert(key).second) {
        faults_.add(key_place, key, "given twice in the same mapping");
        continue;
      }
      if (key == "include") {
        include(pair.second, document);
      } else if (pair.second.IsMap()) {
        mapping(pair.second, key, depth + 1, document);
      } else {
        if (!keys_.insert(key).second) {  // once nested, once dotted
          faults_.add(key_place, key, "given twice in the same file");
          continue;
        }
        document.entries.push_back({key, key_place, value(pair.second, depth + 1)});
        // An empty value has no place of its own.
        if (document.entries.back().value.kind == Value::Kind::nothing) document.entries.back().value.place = key_place;
      }
    }
  }

  bool gave_up() const { return gave_up_; }

 private:
  void include(const YAML::Node& node, Document& document) {
    Value given = value(node, 1);
    std::vector<Value> paths = given.kind == Value::Kind::list ? given.items : std::vector<Value>{given};
    for (auto& path : paths) {
      if (path.kind == Value::Kind::scalar && !path.text.empty()) document.includes.push_back(std::move(path));
      else faults_.add(path.place, "include", "expected a file name or a list of file names");
    }
  }

  std::string name_;
  int order_;
  Faults& faults_;
  std::set<std::string> keys_;
  int nodes_ = 0;
  bool gave_up_ = false;
};

/// yaml-cpp says little of the commonest fault of indentation.
std::string reason(const YAML::Exception& error, const std::string& text) {
  std::size_t begin = 0;
  for (int line = 0; line < error.mark.line && begin != std::string::npos; ++line)
    begin = text.find('\n', begin + (line > 0 ? 1 : 0));
  if (begin == std::string::npos) return "not readable as YAML: " + error.msg;
  const std::size_t word = text.find_first_not_of(" \t\n", begin);
  const bool tab = text.substr(begin, word - begin).find('\t') != std::string::npos;
  return "not readable as YAML: " + error.msg + (tab ? " (the line begins with a tab; YAML is indented by spaces)" : "");
}

}  // namespace

Document parse_document(const std::string& whole, const std::string& name, int order, Faults& faults) {
  // yaml-cpp 0.7 takes a quote that is never closed for closed at the end, if a line end stands there: all keys after the
  // quote would be lost without a word.
  const std::string text = whole.substr(0, whole.find_last_not_of(" \t\r\n") + 1);
  Document document;
  Reader reader(name, order, faults);
  try {
    const std::vector<YAML::Node> roots = YAML::LoadAll(text);
    if (roots.empty() || roots[0].IsNull()) return document;
    if (roots.size() > 1)
      faults.add(reader.place(roots[1].Mark()), "", "a second YAML document begins here; a configuration is one document");
    if (roots[0].IsMap()) {
      reader.mapping(roots[0], "", 0, document);
      if (reader.gave_up()) return {};
    } else {
      faults.add(reader.place(roots[0].Mark()), "",
                 "a configuration is a mapping of keys to values, such as 'train: {epochs: 5}'");
      faults.set_incomplete();
    }
  } catch (const YAML::Exception& error) {
    faults.add(reader.place(error.mark), "", reason(error, text));
    faults.set_incomplete();
  }
  return document;
}

Value parse_argument(const std::string& text, const Place& place, Faults& faults) {
  Value value;
  value.kind = Value::Kind::scalar;
  value.text = text;
  value.place = place;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return value;
  try {
    Faults limits;
    Reader reader("", 0, limits);
    value = reader.value(YAML::Load(text), 0);
    value.place = place;
    for (auto& item : value.items) item.place = place;
  } catch (const YAML::Exception& error) {
    faults.add(place, "", reason(error, text));
    value.kind = Value::Kind::nothing;
  }
  return value;
}

}  // namespace dltonic::config
