#include "dltonic/core/error.h"

namespace dltonic {
namespace {
template <class Kind>
[[noreturn]] void throw_as(const std::string& what, bool agreed) {
  Kind error(what);
  if (agreed) error.set_agreed();
  throw error;
}
}  // namespace

void throw_error(const std::string& kind, const std::string& what, bool agreed) {
  if (kind == "ConfigError") throw_as<ConfigError>(what, agreed);
  if (kind == "DataError") throw_as<DataError>(what, agreed);
  if (kind == "StorageError") throw_as<StorageError>(what, agreed);
  if (kind == "CommError") throw_as<CommError>(what, agreed);
  if (kind == "DeviceError") throw_as<DeviceError>(what, agreed);
  if (kind == "StopError") throw_as<StopError>(what, agreed);
  Error error(what, kExitFailure);
  if (agreed) error.set_agreed();
  throw error;
}

std::string error_kind(const std::exception& error) {
  if (dynamic_cast<const ConfigError*>(&error)) return "ConfigError";
  if (dynamic_cast<const DataError*>(&error)) return "DataError";
  if (dynamic_cast<const StorageError*>(&error)) return "StorageError";
  if (dynamic_cast<const CommError*>(&error)) return "CommError";
  if (dynamic_cast<const DeviceError*>(&error)) return "DeviceError";
  if (dynamic_cast<const StopError*>(&error)) return "StopError";
  return "Error";
}

}  // namespace dltonic
