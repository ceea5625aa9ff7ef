#include "compose.h"

#include <algorithm>
#include <cstdlib>

#include "dltonic/core/file.h"
#include "value.h"

namespace fs = std::filesystem;

namespace dltonic::config {
namespace {

/// Below the working folder paths are shown relative to it, as people type them.
fs::path shown(const fs::path& path) {
  const fs::path normal = path.lexically_normal();
  if (normal.is_relative()) return normal;
  std::error_code error;
  const fs::path relative = normal.lexically_relative(fs::current_path(error));
  return relative.empty() || relative.begin()->string() == ".." ? normal : relative;
}

fs::path real(const fs::path& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  return error ? fs::absolute(path).lexically_normal() : canonical;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) && !fs::is_directory(path, error);
}

bool is_group(const std::string& name) { return std::find(groups().begin(), groups().end(), name) != groups().end(); }

/// The names that `group=` could choose.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    if (item.path().extension() == ".yaml") names.push_back(item.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

const std::vector<std::string>& groups() {
  static const std::vector<std::string> names{"experiment", "model", "dataset", "cluster"};
  return names;
}

fs::path configs_folder(const fs::path& file, const fs::path& fallback) {
  if (const char* chosen = std::getenv("DLTONIC_CONFIGS"); chosen && *chosen) return shown(chosen);
  if (!file.empty()) {
    for (fs::path folder = fs::absolute(file).lexically_normal().parent_path();; folder = folder.parent_path()) {
      if (folder.filename() == "configs") return shown(folder);
      if (is_folder(folder / "configs")) return shown(folder / "configs");
      if (folder == folder.parent_path()) break;
    }
  }
  if (is_folder("configs") || fallback.empty()) return "configs";
  return shown(fallback);
}

Composer::Composer(fs::path configs, Choices choices, Faults& faults)
    : configs_(std::move(configs)), choices_(std::move(choices)), faults_(faults) {}

std::vector<Document> Composer::compose(const fs::path& file, const Place& asked) {
  std::vector<Document> documents;
  if (!file.empty()) add_file(file, asked, documents);
  add_unused_choices(documents);
  return documents;
}

std::vector<Document> Composer::compose_text(const std::string& text, const std::string& name) {
  std::vector<Document> documents;
  const Document document = parse_document(text, name, files_read_++, faults_);
  add_includes(document, ".", "", documents);
  documents.push_back(document);
  add_unused_choices(documents);
  return documents;
}

void Composer::add_file(const fs::path& file, const Place& asked, std::vector<Document>& documents) {
  const fs::path identity = real(file);
  if (const auto cycle = std::find(open_.begin(), open_.end(), identity); cycle != open_.end()) {
    std::vector<std::string> chain;
    for (auto step = cycle; step != open_.end(); ++step) chain.push_back(shown(*step).string());
    chain.push_back(shown(identity).string());
    faults_.add(asked, "include", "these files include each other: " + join(chain, " -> "));
    return;
  }
  std::string text;
  try {
    if (is_folder(file)) throw StorageError("cannot read " + file.string() + ": it is a folder");
    text = read_text(file);
  } catch (const StorageError& error) {
    return missing(file, asked, error.what());
  }
  const Document document = parse_document(text, shown(file).string(), files_read_++, faults_);
  open_.push_back(identity);
  add_includes(document, file.parent_path(), group_of(file), documents);
  open_.pop_back();
  documents.push_back(document);
}

void Composer::add_includes(const Document& document, const fs::path& folder, const std::string& group,
                            std::vector<Document>& documents) {
  for (const Value& include : document.includes) {
    const auto file = find_include(include, folder);
    if (!file) continue;
    const std::string included = group_of(*file);
    // A group's file that includes another of its own group builds on it: that is no choice to be replaced.
    const auto choice = included == group ? choices_.end() : choices_.find(included);
    if (choice == choices_.end()) {
      add_file(*file, include.place, documents);
    } else {
      used_[included] = true;
      add_file(chosen_file(included), choice->second.place, documents);
    }
  }
}

void Composer::add_unused_choices(std::vector<Document>& documents) {
  // The experiment comes first here, since what it includes decides which of the others are unused.
  for (const std::string& group : groups()) {
    const auto choice = choices_.find(group);
    if (choice == choices_.end() || used_[group]) continue;
    used_[group] = true;
    std::vector<Document> chosen;
    add_file(chosen_file(group), choice->second.place, chosen);
    documents.insert(documents.begin(), chosen.begin(), chosen.end());
  }
}

std::optional<fs::path> Composer::find_include(const Value& include, const fs::path& folder) {
  bool sound = true;
  fs::path path = interpolate(include.text, include.place, [&](const Place& place, const std::string& message) {
    sound = false;
    faults_.set_incomplete();
    faults_.add(place, "include", message);
  });
  if (!sound) return std::nullopt;
  if (!path.has_extension()) path += ".yaml";
  for (const fs::path& base : {folder, configs_}) {
    if (is_file(base / path)) return base / path;
  }
  faults_.set_incomplete();
  faults_.add(include.place, "include",
              cat("no such file: neither ", shown(folder / path).string(), " nor ", shown(configs_ / path).string()));
  return std::nullopt;
}

fs::path Composer::chosen_file(const std::string& group) const {
  fs::path path = configs_ / group / choices_.at(group).name;
  if (path.extension() != ".yaml") path += ".yaml";
  return path;
}

std::string Composer::group_of(const fs::path& file) const {
  const fs::path inside = real(file).lexically_relative(real(configs_));
  if (!inside.empty() && is_group(inside.begin()->string())) return inside.begin()->string();
  // Files of a copied or second configs folder count by the name of the folder that they lie in.
  const std::string folder = real(file).parent_path().filename().string();
  return is_group(folder) ? folder : "";
}

void Composer::missing(const fs::path& file, const Place& asked, const std::string& why) {
  faults_.set_incomplete();
  std::string message = why;
  if (const auto names = names_in(file.parent_path()); !names.empty()) {
    const std::string near = nearest(file.stem().string(), names);
    message += near.empty() ? "; there are: " + join(names) : "; did you mean " + near + "?";
  } else if (!is_folder(configs_)) {
    message += "; there is no configs folder at " + configs_.string() + ": set DLTONIC_CONFIGS to yours";
  }
  faults_.add(asked, asked.line > 0 ? "include" : "", message);
}

}  // namespace dltonic::config
