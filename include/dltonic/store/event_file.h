/// Events files: all recordings of a data set, concatenated, in one HDF5 file.
///   /events/{x uint16, y uint16, t uint32, p uint8}[N]       chunked (about 1 MB), unfiltered unless asked
///   /recordings/{offset uint64[R+1], label uint16, t_offset int64, duration uint32, width uint16, height uint16,
///                split uint8 (0 train, 1 test, 255 none), subject uint16 (65535 none), source string}[R]
///   /classes string[C]
///   attributes of /: schema "dltonic.events", version, width, height, time_unit "us", orientation, source_hash, settings, key
/// Strings are UTF-8 of fixed length, padded with zeros (HDF5 cannot write others collectively).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dltonic/comm/world.h"
#include "dltonic/events/recording.h"
#include "dltonic/store/recording_info.h"

namespace dltonic::store {

struct EventFileInfo {
  std::vector<std::string> classes;
  std::uint16_t width = 0, height = 0;                 ///< of the canvas; recordings may be smaller
  std::string orientation = "x to the right, y down";  ///< of the stored coordinates
  std::string source_hash;                             ///< of the raw files that went in
  std::string settings;                                ///< JSON text of all that decided the content; its hash is the key
};

struct EventFileOptions {
  int gzip = 0;  ///< 0: unfiltered; 1–9: shuffle + gzip, for archives
  std::uint64_t chunk_bytes = 1 << 20;
};

/// Writes under a name of its own and gives the file its name at the end: no half file ever has the final name, and two
/// jobs may make the same file at once.
class EventFileWriter {
 public:
  /// Throws StorageError, agreed. Removes what killed jobs left of this file. collective
  EventFileWriter(comm::World& world, const std::filesystem::path& path, const EventFileInfo& info,
                  const EventFileOptions& options = {});
  /// Not finished: the partial file is removed. Not collective, so fit for stack unwinding.
  ~EventFileWriter();
  EventFileWriter(const EventFileWriter&) = delete;
  EventFileWriter& operator=(const EventFileWriter&) = delete;

  /// Adds this rank's block of recordings of this round (may be empty); blocks follow each other in rank order. Throws
  /// StorageError, agreed, where the disk is full or fails; DataError, agreed, for columns of unequal length. collective
  void append(std::span<const events::Recording> mine);
  /// Recordings and events appended so far, by all ranks.
  std::uint64_t recordings() const;
  std::uint64_t events() const;
  /// Metadata, sync, rename. The writer is spent. Throws StorageError, agreed. collective
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Any rank, alone. All methods from one thread at a time.
class EventFileReader {
 public:
  /// Throws DataError for a file that is missing, damaged, cut short or of another schema or version.
  explicit EventFileReader(const std::filesystem::path& path);
  ~EventFileReader();
  EventFileReader(EventFileReader&&) noexcept;
  EventFileReader& operator=(EventFileReader&&) noexcept;

  const EventFileInfo& info() const;
  const std::string& key() const;
  const std::vector<RecordingInfo>& recordings() const;
  std::uint64_t events() const;

  /// Recording i with its events. Throws DataError for damaged data; std::out_of_range for a wrong index.
  void read(std::size_t i, events::Recording& out) const;
  /// Recordings first … first + count − 1.
  std::vector<events::Recording> read(std::size_t first, std::size_t count) const;

  /// Throws DataError, naming the settings that differ, where the file was made by others than `settings`.
  void expect_settings(const std::string& settings) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::store
