/// TFRecord: how TensorBoard's event files frame their messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dltonic::report {

/// CRC-32C (Castagnoli), as in iSCSI (RFC 3720, B.4).
std::uint32_t crc32c(std::string_view bytes);

/// uint64 length, masked crc of it, the bytes, masked crc of them; all little-endian.
std::string tfrecord(std::string_view bytes);

}  // namespace dltonic::report
