/// Which recordings of an events file in the making are there: a number a recording in a file beside it, 0 while it is not. The
/// number is a checksum of the recording's events: what a crash of the machine kept from the disk is found out by reading back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "dltonic/events/recording.h"

namespace dltonic::store {

/// A checksum of the events, never 0.
std::uint64_t mark_of(const events::Events& events);

/// All bytes, at this place of the file. Throws StorageError. Any number of threads at once.
void write_at(int fd, const std::filesystem::path& path, const void* bytes, std::size_t count, std::uint64_t at);

class WrittenMarks {
 public:
  static void create(const std::filesystem::path& path, std::size_t recordings);  ///< all 0. Throws StorageError
  static bool fits(const std::filesystem::path& path, std::size_t recordings);

  WrittenMarks(const std::filesystem::path& path, std::size_t recordings);
  ~WrittenMarks();
  WrittenMarks(const WrittenMarks&) = delete;
  WrittenMarks& operator=(const WrittenMarks&) = delete;

  std::uint64_t get(std::size_t i) const;
  void set(std::size_t i, std::uint64_t mark) const;

 private:
  std::filesystem::path path_;
  int fd_;
};

}  // namespace dltonic::store
