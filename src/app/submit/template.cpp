#include "app/submit/template.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::app {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-+=./:,@%").find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

class Filler {
 public:
  Filler(const std::string& name, const std::map<std::string, std::string>& values) : name_(name), values_(values) {}

  void add_line(std::string_view line, int number) {
    number_ = number;
    std::string filled;
    bool has_words = trimmed(line).empty(), has_value = false;  // an empty line of the template stays
    while (true) {
      const std::size_t begin = line.find("{{");
      has_words = has_words || !trimmed(line.substr(0, begin)).empty();
      filled += line.substr(0, begin);
      if (begin == std::string_view::npos) break;
      const std::size_t end = line.find("}}", begin);
      if (end == std::string_view::npos) fail(line.substr(begin), "is never closed by }}");
      const std::string& value = value_of(line.substr(begin, end + 2 - begin));
      has_value = has_value || !value.empty();
      filled += value;
      line.remove_prefix(end + 2);
    }
    if (has_words || has_value) text_ += filled + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  const std::string& value_of(std::string_view placeholder) {
    const auto found = values_.find(std::string(trimmed(placeholder.substr(2, placeholder.size() - 4))));
    if (found == values_.end()) fail(placeholder, "");
    return found->second;
  }
  [[noreturn]] void fail(std::string_view placeholder, const std::string& fault) {
    std::vector<std::string> known;
    for (const auto& [name, value] : values_) known.push_back(name);
    throw ConfigError(
        cat(name_, ":", number_, ": ",
            fault.empty() ? cat("nothing fills ", placeholder, "; known are ", join(known)) : cat(placeholder, " ", fault)));
  }

  const std::string& name_;
  const std::map<std::string, std::string>& values_;
  int number_ = 0;
  std::string text_;
};

}  // namespace

std::string fill_template(const std::string& text, const std::string& name, const std::map<std::string, std::string>& values) {
  Filler filler(name, values);
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    filler.add_line(rest.substr(0, end), number);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return filler.take();
}

std::string shell_quote(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const auto& word : words) quoted.push_back(shell_quote(word));
  return join(quoted, " ");
}

std::string sbatch_quote(std::string_view value) {
  if (value.find_first_of("\r\n") != std::string_view::npos)
    throw ConfigError(cat("\"", value, "\": a line break cannot be handed to sbatch"));
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace dltonic::app
