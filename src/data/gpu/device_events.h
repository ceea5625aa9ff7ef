/// Training rows cut from events on the GPU: the events of all training recordings lie in its memory, filtered; the host draws
/// what is done to each (EventFrames::plan), and one kernel augments, mixes and frames a number of them. Rows equal
/// EventFrames::row's bit for bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dltonic/data/event_frames.h"
#include "dltonic/device/stream.h"

namespace dltonic::data {

class DeviceEvents {
 public:
  /// Rows at once, at most.
  struct Most {
    std::size_t cut = 0;      ///< by a kernel
    std::size_t planned = 0;  ///< by the host
  };
  /// Why the GPU in use cannot cut these rows (Tonic's semantics, no room beside `reserve_bytes`), or "".
  static std::string fault(const EventFrames& cut, const Most& most, std::size_t reserve_bytes);

  /// Reads and uploads the recordings. `cut` outlives this. DeviceError, DataError, StorageError.
  DeviceEvents(const EventFrames& cut, const Most& most, device::StreamHandle stream);
  ~DeviceEvents();
  DeviceEvents(const DeviceEvents&) = delete;
  DeviceEvents& operator=(const DeviceEvents&) = delete;

  /// Draws what is done to these samples, for cut(). Enqueued; the host waits only for what was cut by the plan before the
  /// last.
  void plan(std::span<const std::uint32_t> samples, std::uint32_t epoch, device::StreamHandle stream);
  /// Rows of samples first … first + count − 1 of the last plan, to `rows` ([sample][row_words]) and, where rows are mixed,
  /// labels to `mixed`, both in the GPU's memory. Enqueued, on the plan's stream; the host waits only for some cuts before.
  void cut(std::size_t first, std::size_t count, std::uint64_t* rows, MixedLabel* mixed, device::StreamHandle stream);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dltonic::data
