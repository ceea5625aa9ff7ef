/// The table /recordings of events and frames files.
#pragma once

#include <vector>

#include "dltonic/store/recording_info.h"
#include "store/parallel_file.h"

namespace dltonic::store {

/// Writes root's table. With `offsets` also /recordings/offset [R + 1]. collective
void write_recordings(ParallelFile& file, const std::vector<RecordingInfo>& root_table, bool offsets);
/// Reads it; without offsets the event fields are 0. Throws DataError where columns differ in length.
std::vector<RecordingInfo> read_recordings(const h5::ReadFile& file, bool offsets);

}  // namespace dltonic::store
