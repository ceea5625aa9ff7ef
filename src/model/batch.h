/// What every kind does with a batch before it computes.
#pragma once

#include <span>
#include <string>

#include "dltonic/core/bits.h"
#include "dltonic/data/batch.h"

namespace dltonic::model {

/// Throws DataError where the batch does not fit a model of `row_bits` bits of input and `classes` outputs: other frames than
/// those it was made for, or a label past the classes. `labelled` false: labels are not looked at.
void check_batch(const data::Batch& batch, std::size_t row_bits, int classes, bool labelled);

/// "<what> is nan", "<what> is -inf for sample 17": words of find_anomaly.
std::string not_finite(const std::string& what, double value);
std::string not_finite(const std::string& what, double value, const data::Batch& batch, std::size_t row);

/// out[row][feature], row-major without padding: 0 or 1, or with depth 16 what the half floats are (data::FrameShape). OpenMP
/// over rows.
void unpack(const BitMatrix& bits, int depth, std::span<float> out);

}  // namespace dltonic::model
