/// Where frames lie while a GPU trains (`data.residency`).
#pragma once

#include <cstddef>
#include <string>

namespace dltonic::data {

enum class Residency {
  automatic,  ///< the first of the others that fits
  replicate,  ///< all rows in GPU memory
  shard,      ///< the rows of the rank's share of the running epoch; others come when the next one starts
  stream,     ///< rows stay in host memory; those of each batch are uploaded one batch ahead
};
/// "auto", "replicate", "shard", "stream"; ConfigError for another word.
Residency residency_from(const std::string& word);
std::string name_of(Residency residency);

/// GPU memory that each residency takes.
struct ResidencyBytes {
  std::size_t replicate = 0, shard = 0, stream = 0;
};
/// `asked`, or for automatic the first of replicate, shard and stream that takes no more than `room_bytes`; stream where
/// none does.
Residency choose_residency(Residency asked, const ResidencyBytes& need, std::size_t room_bytes);

}  // namespace dltonic::data
