/// Rows of bits cut from events that lie on the GPU: a block of threads augments a recording, mixes it with a
/// second one where the host's plan says so, and frames it (team_*.h). Bit for bit what EventFrames::row() makes.
#pragma once

#include <cstdint>

#include "data/gpu/team_frames.h"
#include "data/gpu/team_mix.h"
#include "dltonic/data/mixed_label.h"
#include "dltonic/device/stream.h"

namespace dltonic::data {

/// The events of all recordings, one after the other, and where those of sample s lie.
struct CutSource {
  const std::uint16_t *x = nullptr, *y = nullptr;
  const std::uint32_t* t = nullptr;
  const std::uint8_t* p = nullptr;
  const std::uint64_t* begin = nullptr;  ///< [sample]
  const std::uint32_t* count = nullptr;  ///< [sample]
};

/// What is to be done for one row.
struct CutRow {
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::uint32_t sample = 0, first_step = 0, steps = 0;
  std::uint32_t second = kNone, second_first_step = 0, second_steps = 0;  ///< second: a sample, or kNone
  std::uint32_t mask = kNone;                                             ///< of event_mix: which; kNone: cut_mix
  std::uint16_t second_label = 0;
  events::Box box{};  ///< cut_mix
  double share = 1;   ///< of the first one's label, by cut_mix
};

struct CutPlan {
  const CutRow* rows = nullptr;
  const events::PlannedStep* steps = nullptr;
  const events::MixShape* masks = nullptr;
};

/// Memory of the teams, each of which has `room` events in each of three recordings.
struct CutMemory {
  std::uint16_t *x = nullptr, *y = nullptr;  ///< [team][3][room]
  std::uint32_t* t = nullptr;                ///< likewise
  std::uint8_t* p = nullptr;                 ///< likewise
  std::uint64_t* keys = nullptr;             ///< [team][keys_room]; null where nothing sorts
  std::uint32_t* words = nullptr;            ///< [team][room / 32 + 1]
  std::uint32_t* values = nullptr;           ///< [team][bins × places]; null for plain bits
  std::uint32_t* densities = nullptr;        ///< [team][cells of a mask]; null where event_mix is off
  std::uint8_t* cells = nullptr;             ///< likewise
  std::uint32_t room = 0, keys_room = 0;
};

struct CutTarget {
  std::uint32_t* rows = nullptr;  ///< [row][row_words]
  MixedLabel* mixed = nullptr;    ///< [row]; null where nothing is mixed
  std::uint32_t row_words = 0;    ///< of 32 bits
};

struct CutJob {
  CutSource source;
  CutPlan plan;
  CutMemory memory;
  CutTarget target;
  TeamFrames frames;
  TeamDraws draws;  ///< but recording
};

/// Row `i` by one team. kMixes: whether rows may be mixed; what does not say so takes a GPU fewer registers.
template <bool kMixes, class Team>
DLTONIC_EVERYWHERE void cut_row(Team& team, std::uint32_t number_of_team, const CutJob& job, std::uint32_t i) {
  const CutRow& row = job.plan.rows[i];
  const CutMemory& m = job.memory;
  const auto columns = [&](std::size_t which) {
    const std::size_t at = (std::size_t{number_of_team} * 3 + which) * m.room;
    return Columns{m.x + at, m.y + at, m.t + at, m.p + at};
  };
  const auto load = [&](std::uint32_t sample, std::uint32_t first_step, std::uint32_t steps, const Columns& a,
                        const Columns& b) {
    TeamEvents e{.now = a, .other = b, .n = job.source.count[sample]};
    if (m.keys != nullptr) e.keys = m.keys + std::size_t{number_of_team} * m.keys_room;
    if (m.words != nullptr) e.words = m.words + std::size_t{number_of_team} * (m.room / 32 + 1);
    const std::uint64_t begin = job.source.begin[sample];
    each(team, e.n, [&](std::uint32_t k) {
      put(e.now, k, {job.source.t[begin + k], job.source.x[begin + k], job.source.y[begin + k], job.source.p[begin + k]});
    });
    team.sync();
    TeamDraws draws = job.draws;
    draws.recording = sample;
    for (std::uint32_t s = 0; s < steps; ++s) apply(team, e, job.plan.steps[first_step + s], draws);
    return e;
  };

  TeamEvents first = load(row.sample, row.first_step, row.steps, columns(0), columns(1));
  MixedLabel mixed;
  if (kMixes && row.second != CutRow::kNone) {
    const TeamEvents second = load(row.second, row.second_first_step, row.second_steps, columns(2), first.other);
    std::uint32_t n = 0;
    double share = row.share;
    if (row.mask != CutRow::kNone) {
      const std::size_t at = std::size_t{number_of_team} * events::MixShape::kCells;
      fill_mask(team, job.plan.masks[row.mask], m.densities + at, m.cells + at);
      share = event_mix(team, first, second, m.cells + at, job.draws, second.other, n);
    } else {
      cut_mix(team, first, second, row.box, second.other, n);
    }
    first.now = second.other;
    first.n = n;
    mixed = {.second = row.second_label, .share = static_cast<float>(share)};
  }
  if (job.target.mixed != nullptr && team.thread() == 0) job.target.mixed[i] = mixed;
  std::uint32_t* const values =
      m.values != nullptr
          ? m.values + std::size_t{number_of_team} * static_cast<std::uint32_t>(job.frames.bins) * job.frames.places()
          : nullptr;
  make_row(team, first.now, first.n, job.frames, values, job.target.rows + std::size_t{i} * job.target.row_words,
           job.target.row_words);
}

/// `rows` rows by `teams` blocks, of 256 threads or, where `large`, 1024. Enqueued.
void cut_rows(const CutJob& job, std::uint32_t rows, std::uint32_t teams, bool large, device::StreamHandle stream);

}  // namespace dltonic::data
