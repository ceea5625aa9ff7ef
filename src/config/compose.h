/// Which files make up a configuration, and in which order.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "document.h"

namespace dltonic::config {

/// A file of a group, chosen on the command line: model=mlp.
struct Choice {
  std::string name;
  Place place;
};
using Choices = std::map<std::string, Choice>;  ///< by group

/// experiment, dataset, model, cluster: the folders below configs/ that a command line chooses from.
const std::vector<std::string>& groups();

/// The configs folder for a given main file (none: ""), as Loader documents it.
std::filesystem::path configs_folder(const std::filesystem::path& file, const std::filesystem::path& fallback);

class Composer {
 public:
  Composer(std::filesystem::path configs, Choices choices, Faults& faults);
  /// Every document, weakest first. `file` "": only the chosen ones.
  std::vector<Document> compose(const std::filesystem::path& file, const Place& asked);
  /// The same with a text in the place of the main file.
  std::vector<Document> compose_text(const std::string& text, const std::string& name);

 private:
  void add_file(const std::filesystem::path& file, const Place& asked, std::vector<Document>& documents);
  void add_includes(const Document& document, const std::filesystem::path& folder, const std::string& group,
                    std::vector<Document>& documents);
  void add_unused_choices(std::vector<Document>& documents);
  std::optional<std::filesystem::path> find_include(const Value& include, const std::filesystem::path& folder);
  std::filesystem::path chosen_file(const std::string& group) const;
  std::string group_of(const std::filesystem::path& file) const;
  void missing(const std::filesystem::path& file, const Place& asked, const std::string& why);

  std::filesystem::path configs_;
  Choices choices_;
  Faults& faults_;
  std::map<std::string, bool> used_;         ///< group: its chosen file has been taken
  std::vector<std::filesystem::path> open_;  ///< files whose includes are being read, outermost first
  int files_read_ = 0;
};

}  // namespace dltonic::config
