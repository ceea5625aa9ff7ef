/// One recording in the layout of the DSEC data set (Gehrig et al. 2021, https://dsec.ifi.uzh.ch/data-format), which many tools
/// for event cameras read:
///   /events/{x uint16, y uint16, t uint32 (us since t_offset), p uint8}[N]
///   /ms_to_idx uint64[M]   event index: t[ms_to_idx[ms]] >= 1000 ms > t[ms_to_idx[ms] - 1], for every ms up to the last
///   event's /t_offset int64        us
/// Like theirs the columns are chunked and compressed; they come with shuffle + gzip, which every HDF5 has (theirs: Blosc +
/// zstd).
#pragma once

#include <filesystem>

#include "dltonic/events/recording.h"

namespace dltonic::store {

/// Atomic: under a part name, then renamed. One rank alone. DataError where times decrease; StorageError.
void write_dsec(const std::filesystem::path& path, const events::Recording& recording);

}  // namespace dltonic::store
