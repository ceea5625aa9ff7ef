/// The host's half of cutting rows on a GPU: what cut_rows.h is told of a data set, an epoch and a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/gpu/cut_rows.h"
#include "dltonic/data/event_frames.h"

namespace dltonic::data {

/// Why cut_rows() does not make such frames, of recordings of at most `largest` events, or "".
std::string fault_of_frames(const EventFrames& cut, std::uint64_t largest);
std::vector<std::uint64_t> limits_of(const EventFrames& cut);
TeamFrames frames_of(const EventFrames& cut, const std::uint64_t* limits);
TeamDraws draws_of(const EventFrames& cut, std::uint32_t epoch, const std::int32_t* normal);

/// What a team of threads needs to cut recordings of at most `largest` events: elements of CutMemory's arrays a team.
struct CutRoom {
  static constexpr std::uint64_t kEventBytes = 9;
  CutRoom(const EventFrames& cut, std::uint64_t largest, const TeamFrames& frames);
  std::uint64_t words() const { return events / 32 + 1; }
  std::uint64_t bytes() const { return 3 * kEventBytes * events + 8 * keys + 4 * words() + 4 * values + 5 * cells; }
  std::uint64_t events = 0;  ///< of each of three recordings
  std::uint64_t keys = 0, values = 0, cells = 0;
};

/// What is drawn for rows, and its image in memory that kernels read.
class CutPlans {
 public:
  /// Of a row, at most, but its mask.
  static constexpr std::size_t kMostRowBytes = sizeof(CutRow) + 2 * events::kMostSteps * sizeof(events::PlannedStep);

  /// By all threads, where there are many.
  void draw(const EventFrames& cut, std::span<const std::uint32_t> samples, std::uint32_t epoch);
  /// What there is to do for rows first … first + count − 1.
  EventFrames::Work work(const EventFrames& cut, std::size_t first, std::size_t count) const;
  std::size_t bytes() const { return masks_at() + masks_ * sizeof(events::MixShape); }
  void write(std::byte* memory) const;
  /// In an image that begins at `memory`, which is never looked at.
  CutPlan at(const std::byte* memory) const;

 private:
  /// What one thread draws: steps and masks of its rows, one row after the other.
  struct Part {
    RowPlan plan;
    std::vector<events::PlannedStep> steps;
    std::vector<events::MixShape> masks;
    void draw(const EventFrames& cut, std::uint32_t sample, std::uint32_t epoch, CutRow& row);
  };
  std::size_t steps_at() const { return rows_.size() * sizeof(CutRow); }
  std::size_t masks_at() const { return steps_at() + steps_ * sizeof(events::PlannedStep); }

  std::vector<Part> parts_;
  std::vector<CutRow> rows_;
  std::size_t steps_ = 0, masks_ = 0;
};

}  // namespace dltonic::data
