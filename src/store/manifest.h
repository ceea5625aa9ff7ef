/// manifest.json of a checkpoint: written last, so a directory that has one was complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "dltonic/core/tensor_view.h"

namespace dltonic::store {

constexpr const char* kStateFile = "state.h5";
constexpr const char* kManifestFile = "manifest.json";
constexpr const char* kCheckpointSchema = "dltonic.checkpoint";
constexpr int kCheckpointVersion = 1;  ///< of state.h5
constexpr int kManifestVersion = 2;    ///< 1, which is read as well, had the sha256 of state.h5

constexpr const char* kSha256Kind = "sha256:";

struct Manifest {
  std::int64_t step = 0;
  std::string time;
  std::uint64_t state_bytes = 0;
  std::string state_checksum;       ///< "xxh3:…" (core/checksum.h); "sha256:…" in version 1
  std::vector<TensorView> tensors;  ///< data: null
  nlohmann::json parts = nlohmann::json::object();
};

std::string manifest_text(const Manifest& manifest);
/// Throws DataError that names the file and what is wrong with it.
Manifest read_manifest(const std::filesystem::path& checkpoint);

std::string type_name(DType type);
/// "f32 [512, 16]"
std::string layout_text(const TensorView& tensor);

}  // namespace dltonic::store
