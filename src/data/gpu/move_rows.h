/// The kernels around an exchange of rows between GPUs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dltonic/device/stream.h"

namespace dltonic::data {

/// to[i] = rows[slots[i]] for i < count; all pointers are the device's, rows and `to` [row][row_words].
void pack_rows(const std::uint64_t* rows, std::size_t row_words, const std::uint32_t* slots, std::size_t count,
               std::uint64_t* to, device::StreamHandle stream);
/// rows[slots[i]] = from[i].
void unpack_rows(const std::uint64_t* from, std::size_t row_words, const std::uint32_t* slots, std::size_t count,
                 std::uint64_t* rows, device::StreamHandle stream);

}  // namespace dltonic::data
