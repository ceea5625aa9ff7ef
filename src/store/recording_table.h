/// The table /recordings of events and frames files.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "dltonic/store/recording_info.h"
#include "store/parallel_file.h"

namespace dltonic::store {

/// Writes root's table. With `offsets` also /recordings/offset [R + 1]. collective
void write_recordings(ParallelFile& file, const std::vector<RecordingInfo>& root_table, bool offsets);
/// Reads it; without offsets the event fields are 0. Throws DataError where columns differ in length.
std::vector<RecordingInfo> read_recordings(const h5::ReadFile& file, bool offsets);

/// A recording and its place in the file, as bytes and back, to bring the ranks' rows together.
void append_row(std::vector<std::byte>& bytes, std::uint64_t index, const RecordingInfo& row);
std::vector<RecordingInfo> rows_in_order(std::span<const std::byte> bytes, std::size_t rows);

}  // namespace dltonic::store
