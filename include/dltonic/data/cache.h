/// Names and keys of prepared files. A file's name carries a hash of everything that its content depends on: the content
/// of the source, the transform chain with its parameters, the version of the code that made it. Two experiments that
/// agree in these share the file; nothing else can be mistaken for it.
///   <project>/data/<name>-<key>.h5          frames
///   <project>/data/<name>-events-<key>.h5   events
///   <project>/data/<name>-source-<id>.json  what the source held when it was prepared, so that training and a second
///                                           prepare need not read it again
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "dltonic/data/options.h"

namespace dltonic::data {

struct PreparedFile {
  std::filesystem::path frames, events;
  std::string settings;         ///< JSON: what the frames' key is the hash of
  std::string events_settings;  ///< the same of the events file
  std::string content_hash;     ///< of the source
};

/// The files that this source and these options give.
PreparedFile prepared_file(const Options& options, const std::filesystem::path& project, const std::string& content_hash);

/// The same by what the last prepare noted of the source. DataError where it was never prepared.
PreparedFile find_prepared(const Options& options, const std::filesystem::path& project);

/// The noted content hash of a source that still has this fingerprint.
std::optional<std::string> noted_content(const Options& options, const std::filesystem::path& project,
                                         const std::string& fingerprint);
/// Notes it (atomic). One rank alone.
void note_content(const Options& options, const std::filesystem::path& project, const std::string& fingerprint,
                  const std::string& content_hash);

}  // namespace dltonic::data
