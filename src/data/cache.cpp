#include "dltonic/data/cache.h"

#include <nlohmann/json.hpp>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/store/settings.h"

namespace dltonic::data {
namespace {

/// Raise it when the same settings give other frames or events than before: older files are then no longer found.
constexpr int kCodeVersion = 2;

/// What names a source before it is read. Object keys are sorted, so the text is canonical.
nlohmann::json source_identity(const Options& options) {
  nlohmann::json id{{"kind", options.kind}, {"format", options.source.format}, {"root", ""}};  // strokes have none
  if (!options.source.root.empty()) id["root"] = std::filesystem::absolute(options.source.root).lexically_normal().string();
  if (options.kind == "recordings") {
    const events::SourceOptions& source = options.source;
    id["sensor"] = {source.sensor_width, source.sensor_height};
    if (source.format == "strokes") {
      id["strokes"] = source.strokes.describe();
      id["simulator"] = source.simulator.describe();
    } else if (source.format == "images") {
      id["simulator"] = source.simulator.describe();
    } else if (source.format == "idx") {
      id["simulator"] = source.simulator.describe();
      id["exclude"] = source.simulator.exclude;
    } else {
      id["layout"] = source.layout;
      id["aedat2_convention"] = source.aedat2_convention;
      id["npy_time_us"] = source.npy_time_us;
      id["placement"] = source.placement;
      id["unsorted"] = source.unsorted;
    }
  }
  return id;
}

std::filesystem::path note_path(const Options& options, const std::filesystem::path& project) {
  return project / "data" /
         (options.name + "-source-" + store::settings_key(source_identity(options).dump()).substr(0, 16) + ".json");
}

}  // namespace

PreparedFile prepared_file(const Options& options, const std::filesystem::path& project, const std::string& content_hash) {
  nlohmann::json settings = source_identity(options);
  settings.erase("root");     // where the source lies does not change what it gives,
  settings.erase("exclude");  // and what is left out changes its content
  settings["name"] = options.name;
  settings["source"] = content_hash;
  settings["code_version"] = kCodeVersion;
  settings["on_error"] = options.on_error;
  PreparedFile file;
  file.content_hash = content_hash;
  file.events_settings = settings.dump();
  if (options.kind == "images") {
    settings["thresholds"] = options.thresholds;
    settings["crop"] = options.crop;
  } else {
    settings["frames"] = options.frames.describe();
    if (!options.frames.fitted_quantiles().empty()) {  // fitted on what trains: the splits decide on frames, too
      settings["fitted_on"] = {{"val_split", options.splits.val_split},
                               {"test_split", options.splits.test_split},
                               {"split_seed", options.splits.split_seed}};
    }
    settings["filters"] = options.filters.describe();
  }
  file.settings = settings.dump();
  const auto folder = project / "data";
  file.frames = folder / (options.name + "-" + store::settings_key(file.settings).substr(0, 16) + ".h5");
  file.events = folder / (options.name + "-events-" + store::settings_key(file.events_settings).substr(0, 16) + ".h5");
  return file;
}

PreparedFile find_prepared(const Options& options, const std::filesystem::path& project) {
  const auto path = note_path(options, project);
  if (!std::filesystem::exists(path)) {
    throw DataError(cat("data set '", options.name, "' from ", options.source.root, " was never prepared in ", project.string(),
                        "/data: run dltonic prepare with the same arguments first"));
  }
  try {
    return prepared_file(options, project, nlohmann::json::parse(read_text(path)).at("content_hash").get<std::string>());
  } catch (const nlohmann::json::exception& error) {
    throw DataError(cat(path.string(), " is damaged (", error.what(), "): remove it and run dltonic prepare again"));
  }
}

std::optional<std::string> noted_content(const Options& options, const std::filesystem::path& project,
                                         const std::string& fingerprint) {
  const auto path = note_path(options, project);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto note = nlohmann::json::parse(read_text(path), nullptr, false);
  if (note.is_discarded() || note.value("fingerprint", "") != fingerprint) return std::nullopt;
  return note.value("content_hash", "");
}

void note_content(const Options& options, const std::filesystem::path& project, const std::string& fingerprint,
                  const std::string& content_hash) {
  nlohmann::json note{{"source", source_identity(options)}, {"fingerprint", fingerprint}, {"content_hash", content_hash}};
  write_file_atomic(note_path(options, project), note.dump() + "\n");
}

}  // namespace dltonic::data
