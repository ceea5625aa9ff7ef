/// Events files: all recordings of a data set, concatenated, in one HDF5 file.
///   /events/{x uint16, y uint16, t uint32, p uint8}[N]       contiguous: read with pread(2), by any number of threads
///   /recordings/{offset uint64[R+1], label uint16, t_offset int64, duration uint32, width uint16, height uint16,
///                split uint8 (0 train, 1 test, 255 none), subject uint16 (65535 none), source string}[R]
///   /classes string[C]   /skipped string[]: recordings that were left out, each with its reason
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
  std::vector<std::string> skipped;                    ///< "name: reason" of damaged recordings that were left out
};

/// Writes an events file whose recordings are known by number, in any order, by any thread of any rank. First the whole HDF5
/// file is made, with room for every event; then events go to their places with pwrite(2), and a mark beside the file says of
/// each recording that it is there. So a job that is killed at any moment leaves something to go on from. All of it happens in
/// a folder of the job's own; the file gets its name at the end: no half file ever has it, and two jobs may make the same file
/// at once.
class EventFileWriter {
 public:
  /// `table`: all recordings in their order, the same on every rank, with their numbers of events; first_event is set here.
  /// Removes what killed jobs left of this file. Throws StorageError, agreed, also where the disk has no room. collective
  EventFileWriter(comm::World& world, const std::filesystem::path& path, const EventFileInfo& info,
                  std::vector<RecordingInfo> table);
  /// Goes on with what a killed job left of this file, if it was made by these settings; what is marked there is read back and
  /// compared with its mark. Null where nothing fit is left. collective
  static std::unique_ptr<EventFileWriter> go_on(comm::World& world, const std::filesystem::path& path,
                                                const std::string& settings);
  /// Not finished: what there is is removed, unless leave() was called. Not collective, so fit for stack unwinding.
  ~EventFileWriter();
  EventFileWriter(const EventFileWriter&) = delete;
  EventFileWriter& operator=(const EventFileWriter&) = delete;

  const EventFileInfo& info() const;
  const std::vector<RecordingInfo>& recordings() const;  ///< with first_event
  std::uint64_t events() const;                          ///< of all recordings
  /// Whether recording i was there already when this object was made.
  bool was_written(std::size_t i) const;

  /// Events of recording i; one thread of one rank for each i, any number of threads at once. Throws StorageError; DataError
  /// for another number of events than the table has, and for columns of unequal length.
  void write(std::size_t i, const events::Events& events);
  /// What is written stays for the next job that makes this file.
  void leave();
  /// Sync, rename. The writer is spent. Throws StorageError, agreed, also where a recording was not written. collective
  void finish();

 private:
  struct Impl;
  explicit EventFileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Any rank, alone. Reading events is safe from any number of threads at once (of a file that other programs have repacked, in
/// chunks, one reads at a time).
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
