/// Frames files: what training reads, bit-packed or as half floats.
///   /frames uint8[samples][row bytes]    contiguous, unfiltered, little-endian bit order: the rows of a BitMatrix as they
///                                        lie in memory (numpy: unpackbits(row, bitorder="little")[:features]); with depth 16
///                                        half floats (numpy: row.view("<f2")[:features])
///   /labels uint16[samples]   /recording uint32[samples]: index into /recordings
///   /recordings/{label, t_offset, duration, width, height, split, subject, source}[R]   /classes string[C]
///   attributes of /: schema "dltonic.frames", version, channels, height, width, depth, source_hash, settings (JSON text), key
///   (its sha256), thresholds (JSON list: of events::FrameOptions, or of images, as given or as fitted on the training
///   recordings)
/// Feature f = (channel*height + y)*width + x, see data/batch.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/core/bits.h"
#include "dltonic/store/recording_info.h"

namespace dltonic::store {

struct FrameFileInfo {
  int channels = 1, height = 1, width = 1;
  std::vector<std::string> classes;
  std::vector<RecordingInfo> recordings;  ///< the whole table; root's is written
  std::string source_hash;                ///< of the raw files that went in
  std::string settings;                   ///< JSON text of all that decided the content; its hash is the key
  std::vector<double> thresholds;         ///< what the bits of a pixel were compared with
  int depth = 1;                          ///< bits a feature: 1, or 16
  std::size_t features() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  std::size_t row_bits() const { return features() * static_cast<std::size_t>(depth); }
};

/// Writes a frames file from each rank's block of rows (disjoint, in rank order; may be empty; a rank without rows gives a
/// BitMatrix of 0 rows). Written under a name of its own, renamed at the end; on failure nothing is left. Throws StorageError
/// or DataError (counts, bits or recording indices that do not fit), agreed. collective
void write_frame_file(comm::World& world, const std::filesystem::path& path, const FrameFileInfo& info, const BitMatrix& rows,
                      std::span<const std::uint16_t> labels, std::span<const std::uint32_t> recording);

/// Any rank, alone. Opening reads everything but the frames and leaves HDF5; the frames are read with pread(2), from any
/// number of threads at once.
class FrameFileReader {
 public:
  /// Throws DataError for a file that is missing, damaged, cut short ("N bytes, M expected") or of another schema or version.
  explicit FrameFileReader(const std::filesystem::path& path);
  ~FrameFileReader();
  FrameFileReader(FrameFileReader&&) noexcept;
  FrameFileReader& operator=(FrameFileReader&&) noexcept;

  const std::filesystem::path& path() const;
  const FrameFileInfo& info() const;
  const std::string& key() const;
  std::size_t samples() const;
  std::size_t row_words() const;
  const std::vector<std::uint16_t>& labels() const;     ///< [sample]
  const std::vector<std::uint32_t>& recording() const;  ///< [sample] index into info().recordings

  /// Rows first … first + count − 1. `out` becomes count × row_bits(). Throws DataError for a file that has become shorter,
  /// StorageError for a read that fails, std::out_of_range for a wrong index.
  void read_rows(std::size_t first, std::size_t count, BitMatrix& out) const;
  /// The same into memory of count * row_words() words.
  void read_rows(std::size_t first, std::size_t count, std::span<std::uint64_t> words) const;

  /// Throws DataError, naming the settings that differ, where the file was made by others than `settings`.
  void expect_settings(const std::string& settings) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::store
