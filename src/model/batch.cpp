#include "model/batch.h"

#include <algorithm>
#include <cmath>

#include "dltonic/core/error.h"
#include "dltonic/core/half.h"
#include "dltonic/core/text.h"

namespace dltonic::model {
namespace {

std::string name_of(const data::Batch& batch, std::size_t row) {
  return row < batch.samples.size() ? cat("sample ", batch.samples[row]) : cat("sample ", row, " of the batch");
}

}  // namespace

void check_batch(const data::Batch& batch, std::size_t row_bits, int classes, bool labelled) {
  if (batch.bits.rows() != 0 && batch.bits.bits() != row_bits)
    throw DataError(cat("frames of ", batch.bits.bits(), " bits reach a model made for ", row_bits,
                        "; it was made or trained with other data settings"));
  if (!labelled) return;
  if (batch.labels.size() != batch.bits.rows())
    throw DataError(cat("a batch of ", batch.bits.rows(), " frames has ", batch.labels.size(), " labels"));
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] < classes) continue;
    throw DataError(cat(name_of(batch, i), " has label ", batch.labels[i], ", but the model has ", classes, " classes"));
  }
}

std::string not_finite(const std::string& what, double value) {
  return cat(what, " is ", std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}
std::string not_finite(const std::string& what, double value, const data::Batch& batch, std::size_t row) {
  return cat(not_finite(what, value), " for ", name_of(batch, row));
}

namespace {

void unpack_bits(std::span<const std::uint64_t> words, std::size_t columns, float* to) {
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

void unpack_halves(std::span<const std::uint64_t> words, std::size_t columns, float* to) {
  for (std::size_t i = 0; i < columns; ++i) to[i] = from_half(static_cast<std::uint16_t>(words[i / 4] >> (16 * (i % 4))));
}

}  // namespace

void unpack(const BitMatrix& bits, int depth, std::span<float> out) {
  const auto rows = static_cast<std::ptrdiff_t>(bits.rows());
  const std::size_t columns = bits.bits() / static_cast<std::size_t>(depth);
#pragma omp parallel for schedule(static)
  for (std::ptrdiff_t r = 0; r < rows; ++r) {
    const std::span<const std::uint64_t> words = bits.row(static_cast<std::size_t>(r));
    float* to = out.data() + static_cast<std::size_t>(r) * columns;
    if (depth == 1) unpack_bits(words, columns, to);
    else unpack_halves(words, columns, to);
  }
}

}  // namespace dltonic::model
