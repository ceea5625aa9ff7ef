/// What `dltonic inspect` makes of one recording: facts, pictures, a copy in the layout of DSEC.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "dltonic/events/decoder.h"
#include "dltonic/events/recording.h"

namespace dltonic::app {

struct InspectOptions {
  std::size_t recording = 0;  ///< of an events file
  std::string draw;           ///< folder for pictures; "": none
  std::string dsec;           ///< file to write; "": none
  int slices = 12;            ///< pictures over time
  events::DecodeOptions decode;
  bool wants_recording() const { return !draw.empty() || !dsec.empty(); }
};

/// Reads a recording of any format that `decode` knows, and says what its decoder met. Throws DataError, StorageError.
events::Recording read_recording(const std::filesystem::path& path, const events::DecodeOptions& options,
                                 nlohmann::ordered_json& facts);
/// Events, their extent in x, y and t, share of ON events.
void add_facts(const events::Recording& recording, nlohmann::ordered_json& facts);
/// Draws and copies what the options wish, and lists the files in `facts` under "written". Pictures: `<name>-slices.png`,
/// `.gif`,
/// `<name>-cloud.png`.
void write_recording(const events::Recording& recording, const std::string& name, const InspectOptions& options,
                     nlohmann::ordered_json& facts);

}  // namespace dltonic::app
