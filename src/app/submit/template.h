/// Job scripts are plain files with named placeholders, {{name}}.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace dltonic::app {

/// Every {{name}} of `text` becomes values[name]; what is filled in is not looked at again. A value may hold several lines
/// where its placeholder stands alone on its line, and an empty one takes that line away. ConfigError that names file, line
/// and placeholder where there is no such value, or where a {{ is never closed. `name` stands for the file in faults.
std::string fill_template(const std::string& text, const std::string& name, const std::map<std::string, std::string>& values);

/// The word as a shell reads it back, byte for byte: in single quotes unless it needs none.
std::string shell_quote(std::string_view word);
/// All words, each quoted, with spaces between.
std::string shell_line(const std::vector<std::string>& words);
/// The value of an option on an #SBATCH line as sbatch reads it back. ConfigError for one with a line break, which no such
/// line can hold.
std::string sbatch_quote(std::string_view value);

}  // namespace dltonic::app
