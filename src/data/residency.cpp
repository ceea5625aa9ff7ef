#include "dltonic/data/residency.h"

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::data {

Residency residency_from(const std::string& word) {
  for (const Residency r : {Residency::automatic, Residency::replicate, Residency::shard, Residency::stream}) {
    if (name_of(r) == word) return r;
  }
  throw ConfigError(cat("data.residency is \"", word, "\", expected: auto, replicate, shard or stream"));
}

std::string name_of(Residency residency) {
  switch (residency) {
    case Residency::replicate:
      return "replicate";
    case Residency::shard:
      return "shard";
    case Residency::stream:
      return "stream";
    default:
      return "auto";
  }
}

Residency choose_residency(Residency asked, const ResidencyBytes& need, std::size_t room_bytes) {
  if (asked != Residency::automatic) return asked;
  if (need.replicate <= room_bytes) return Residency::replicate;
  if (need.shard <= room_bytes) return Residency::shard;
  return Residency::stream;
}

}  // namespace dltonic::data
