#include "store/manifest.h"

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {

using nlohmann::json;
constexpr std::pair<DType, const char*> kTypes[] = {
    {DType::f32, "f32"}, {DType::f64, "f64"}, {DType::i32, "i32"}, {DType::i64, "i64"}, {DType::u8, "u8"}};

DType type_from(const std::string& name) {
  for (const auto& [type, type_name] : kTypes) {
    if (name == type_name) return type;
  }
  throw DataError(cat("unknown element type '", name, "'"));
}

}  // namespace

std::string type_name(DType type) {
  for (const auto& [known, name] : kTypes) {
    if (type == known) return name;
  }
  throw DataError("unknown element type");
}

std::string layout_text(const TensorView& tensor) {
  std::vector<std::string> extents;
  for (const std::uint64_t extent : tensor.shape) extents.push_back(std::to_string(extent));
  return cat(type_name(tensor.type), " [", join(extents), "]");
}

std::string manifest_text(const Manifest& manifest) {
  json tensors = json::array();
  for (const TensorView& tensor : manifest.tensors)
    tensors.push_back({{"name", tensor.name}, {"type", type_name(tensor.type)}, {"shape", tensor.shape}});
  const json whole = {{"schema", kCheckpointSchema},
                      {"version", kManifestVersion},
                      {"step", manifest.step},
                      {"time", manifest.time},
                      {"state", {{"file", kStateFile}, {"bytes", manifest.state_bytes}, {"checksum", manifest.state_checksum}}},
                      {"tensors", tensors},
                      {"parts", manifest.parts}};
  return whole.dump(1) + "\n";
}

Manifest read_manifest(const std::filesystem::path& checkpoint) {
  const auto path = checkpoint / kManifestFile;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) throw DataError(cat(checkpoint.string(), " has no ", kManifestFile));
  const std::string text = read_text(path);
  return with_context(path.string(), [&] {
    Manifest manifest;
    try {
      const json whole = json::parse(text);
      if (whole.at("schema") != kCheckpointSchema)
        throw DataError(cat("schema is ", whole.at("schema").dump(), ", not ", kCheckpointSchema));
      const bool is_first = whole.at("version") == 1;
      if (!is_first && whole.at("version") != kManifestVersion) {
        throw DataError(cat("version ", whole.at("version").dump(), ", this program reads versions 1 and ", kManifestVersion));
      }
      manifest.step = whole.at("step");
      manifest.time = whole.at("time");
      manifest.state_bytes = whole.at("state").at("bytes");
      const json& state = whole.at("state");
      manifest.state_checksum =
          is_first ? kSha256Kind + state.at("sha256").get<std::string>() : state.at("checksum").get<std::string>();
      for (const json& tensor : whole.at("tensors")) {
        manifest.tensors.push_back({tensor.at("name"), type_from(tensor.at("type")), tensor.at("shape"), nullptr});
      }
      manifest.parts = whole.at("parts");
    } catch (const json::exception& fault) {
      throw DataError(cat("damaged: ", fault.what()));
    }
    return manifest;
  });
}

}  // namespace dltonic::store
