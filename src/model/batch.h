/// What every kind does with a batch before it computes.
#pragma once

#include <span>

#include "dltonic/core/bits.h"
#include "dltonic/data/batch.h"

namespace dltonic::model {

/// Throws DataError where the batch does not fit a model of `features` inputs and `classes` outputs: other frames than
/// those it was made for, or a label past the classes. `labelled` false: labels are not looked at.
void check_batch(const data::Batch& batch, std::size_t features, int classes, bool labelled);

/// out[row][bit] = 0 or 1, row-major without padding: bits.rows() × bits.bits() floats. OpenMP over rows.
void unpack(const BitMatrix& bits, std::span<float> out);

}  // namespace dltonic::model
