#include "model/batch.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::model {

void check_batch(const data::Batch& batch, std::size_t features, int classes, bool labelled) {
  if (batch.bits.rows() != 0 && batch.bits.bits() != features)
    throw DataError(cat("frames of ", batch.bits.bits(), " bits reach a model made for ", features,
                        "; it was made or trained with other data settings"));
  if (!labelled) return;
  if (batch.labels.size() != batch.bits.rows())
    throw DataError(cat("a batch of ", batch.bits.rows(), " frames has ", batch.labels.size(), " labels"));
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] < classes) continue;
    const std::string which = i < batch.samples.size() ? cat("sample ", batch.samples[i]) : cat("sample ", i, " of the batch");
    throw DataError(cat(which, " has label ", batch.labels[i], ", but the model has ", classes, " classes"));
  }
}

void unpack(const BitMatrix& bits, std::span<float> out) {
  const auto rows = static_cast<std::ptrdiff_t>(bits.rows());
  const std::size_t columns = bits.bits();
#pragma omp parallel for schedule(static)
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    const std::span<const std::uint64_t> words = bits.row(static_cast<std::size_t>(r));
    float* to = out.data() + static_cast<std::size_t>(r) * columns;
    // Halves of 32 bits, signed: what AVX2 shifts and converts eight at a time.
    for (std::size_t first = 0; first < columns; first += 32) {
      const auto half = static_cast<std::uint32_t>(words[first / 64] >> (first % 64));
      if (columns - first >= 32) {
        for (unsigned j = 0; j < 32; ++j) to[first + j] = static_cast<float>(static_cast<std::int32_t>((half >> j) & 1u));
      } else {
        for (unsigned j = 0; j < columns - first; ++j)
          to[first + j] = static_cast<float>(static_cast<std::int32_t>((half >> j) & 1u));
      }
    }
  }
}

}  // namespace dltonic::model
