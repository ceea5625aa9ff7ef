#include "data/gpu/device_events.h"

#include <algorithm>
#include <vector>

#include "data/gpu/cut_plan.h"
#include "data/gpu/cut_rows.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/core/thread_error.h"
#include "dltonic/device/buffer.h"
#include "dltonic/device/device.h"

namespace dltonic::data {
namespace {

constexpr std::size_t kEventBytes = CutRoom::kEventBytes;
constexpr std::size_t kTeamsBytes = std::size_t{1} << 30;       ///< of the teams' memory, at most, where more than one has room
constexpr std::uint64_t kTimed = 8;                             ///< one cut in so many, and so many of the first
constexpr std::uint64_t kManyEvents = 16384;                    ///< a recording: for larger blocks
constexpr std::uint64_t kReadAtOnce = std::uint64_t{16} << 20;  ///< events

/// The largest of the training recordings, and all.
struct Sizes {
  explicit Sizes(const EventFrames& cut) {
    for (const std::uint32_t sample : cut.training()) {
      largest = std::max(largest, cut.stored_events(sample));
      all += cut.stored_events(sample);
    }
  }
  std::uint64_t largest = 0, all = 0;
};

/// Two blocks a multiprocessor keep its memory busy and leave room for the kernels of steps, which go on meanwhile.
std::size_t most_teams_of_gpu() { return static_cast<std::size_t>(2 * device::info(device::in_use()).multiprocessors); }
std::size_t teams_of(const CutRoom& team, std::size_t most_rows) {
  return std::clamp<std::size_t>(kTeamsBytes / team.bytes(), 1, std::clamp<std::size_t>(most_rows, 1, most_teams_of_gpu()));
}

}  // namespace

struct DeviceEvents::Impl {
  Impl(const EventFrames& events, std::size_t most_rows, device::StreamHandle stream);
  void upload(device::StreamHandle stream);

  const EventFrames& source;
  Sizes sizes;
  std::vector<std::uint64_t> limits_of_host;
  device::Buffer<std::uint64_t> limits;
  device::Buffer<std::int32_t> normal;
  TeamFrames frames;
  CutRoom team;
  std::size_t most_teams, teams;
  bool many_events;  ///< a recording

  device::Buffer<std::uint16_t> x, y;
  device::Buffer<std::uint32_t> t;
  device::Buffer<std::uint8_t> p;
  device::Buffer<std::uint64_t> begin;
  device::Buffer<std::uint32_t> count;

  device::Buffer<std::uint16_t> team_x, team_y;
  device::Buffer<std::uint32_t> team_t, words, values, densities;
  device::Buffer<std::uint8_t> team_p, cells;
  device::Buffer<std::uint64_t> keys;

  CutPlans plans;
  /// Plans on their way: the host fills one while the GPU reads the other.
  struct Slot {
    device::PinnedBuffer<std::byte> host;
    device::Buffer<std::byte> gpu;
    device::Event read;
  } slots[2];
  int slot = 0;  ///< of the last plan
  std::uint32_t epoch = 0;

  /// How long the GPU takes for the cut that is timed, one in kTimed for the most part: to time each would cost the host as
  /// much as to enqueue it.
  device::Event timed_from{true}, timed_to{true};
  EventFrames::Work timed;  ///< no recordings: told already
  std::uint64_t cuts = 0;
  void tell();
};

DeviceEvents::Impl::Impl(const EventFrames& events, std::size_t most_rows, device::StreamHandle stream)
    : source(events),
      sizes(events),
      limits_of_host(limits_of(events)),
      limits(device::uploaded(limits_of_host, stream)),
      normal(device::uploaded(events::NormalTable::table(), stream)),
      frames(frames_of(events, limits.data())),
      team(events, sizes.largest, frames),
      most_teams(most_teams_of_gpu()),
      teams(teams_of(team, most_rows)),
      many_events(sizes.all > kManyEvents * events.training().size()),
      x(sizes.all),
      y(sizes.all),
      t(sizes.all),
      p(sizes.all),
      begin(events.samples()),
      count(events.samples()),
      team_x(3 * teams * team.events),
      team_y(team_x.size()),
      team_t(team_x.size()),
      words(teams * team.words()),
      values(teams * team.values),
      densities(teams * team.cells),
      team_p(team_x.size()),
      cells(teams * team.cells),
      keys(teams * team.keys) {
  upload(stream);
}

/// Reads many recordings at once, by all threads.
void DeviceEvents::Impl::upload(device::StreamHandle stream) {
  const std::vector<std::uint32_t>& training = source.training();
  std::vector<std::uint64_t> begin_of(begin.size(), 0);
  std::vector<std::uint32_t> count_of(count.size(), 0);
  std::uint64_t done = 0;
  for (std::size_t first = 0; first < training.size();) {
    std::size_t end = first;
    std::uint64_t events = 0;
    while (end < training.size() && (end == first || events + source.stored_events(training[end]) <= kReadAtOnce))
      events += source.stored_events(training[end++]);
    std::vector<events::Recording> read(end - first);
    ThreadError error;
#pragma omp parallel for schedule(dynamic)
    for (std::size_t i = 0; i < read.size(); ++i) error.keep(i, [&] { source.read(training[first + i], read[i]); });
    error.rethrow();
    events::Events all;
    for (std::size_t i = 0; i < read.size(); ++i) {
      const events::Events& one = read[i].events;
      begin_of[training[first + i]] = done + all.size();
      count_of[training[first + i]] = static_cast<std::uint32_t>(one.size());
      all.x.insert(all.x.end(), one.x.begin(), one.x.end());
      all.y.insert(all.y.end(), one.y.begin(), one.y.end());
      all.t.insert(all.t.end(), one.t.begin(), one.t.end());
      all.p.insert(all.p.end(), one.p.begin(), one.p.end());
    }
    device::copy(x.data() + done, all.x.data(), all.size() * sizeof(std::uint16_t), stream);
    device::copy(y.data() + done, all.y.data(), all.size() * sizeof(std::uint16_t), stream);
    device::copy(t.data() + done, all.t.data(), all.size() * sizeof(std::uint32_t), stream);
    device::copy(p.data() + done, all.p.data(), all.size(), stream);
    device::synchronize(stream);
    done += all.size();
    first = end;
  }
  device::copy(begin.data(), begin_of.data(), begin.bytes(), stream);
  device::copy(count.data(), count_of.data(), count.bytes(), stream);
  device::synchronize(stream);
}

void DeviceEvents::Impl::tell() {
  if (timed.recordings == 0) return;
  timed_to.synchronize();
  timed.gpu_seconds = 1e-3 * timed_to.milliseconds_since(timed_from);
  source.count(timed);
  timed = {};
}

std::string DeviceEvents::fault(const EventFrames& cut, const Most& most, std::size_t reserve_bytes) {
  const Sizes sizes(cut);
  if (const std::string fault = fault_of_frames(cut, sizes.largest); !fault.empty()) return fault;
  const std::vector<std::uint64_t> limits = limits_of(cut);
  const CutRoom team(cut, sizes.largest, frames_of(cut, limits.data()));
  // Two slots of plans, which grow by half.
  const std::uint64_t plans = 3 * most.planned * (CutPlans::kMostRowBytes + (cut.mixes() ? sizeof(events::MixShape) : 0));
  const std::uint64_t places = cut.samples() * (sizeof(std::uint64_t) + sizeof(std::uint32_t));
  const std::uint64_t wanted = kEventBytes * sizes.all + places + teams_of(team, most.cut) * team.bytes() + plans;
  const std::size_t free = device::free_bytes();
  if (free >= wanted + reserve_bytes) return {};
  return cat("the events and what cuts them take ", human_bytes(wanted), " of the GPU's memory, ", human_bytes(free),
             " are free, ", human_bytes(reserve_bytes), " of them for others");
}

DeviceEvents::DeviceEvents(const EventFrames& cut, const Most& most, device::StreamHandle stream)
    : impl_(std::make_unique<Impl>(cut, most.cut, stream)) {}
DeviceEvents::~DeviceEvents() = default;

void DeviceEvents::plan(std::span<const std::uint32_t> samples, std::uint32_t epoch, device::StreamHandle stream) {
  Impl& d = *impl_;
  d.plans.draw(d.source, samples, epoch);
  d.epoch = epoch;
  d.slots[d.slot].read.record(stream);  // once what is enqueued is done
  d.slot = 1 - d.slot;
  Impl::Slot& slot = d.slots[d.slot];
  slot.read.synchronize();
  const std::size_t bytes = d.plans.bytes();
  if (bytes > slot.host.size()) {
    slot.gpu.reserve(bytes + bytes / 2);
    slot.host.reserve(bytes + bytes / 2);
  }
  d.plans.write(slot.host.data());
  device::copy(slot.gpu.data(), slot.host.data(), bytes, stream);
}

void DeviceEvents::cut(std::size_t first, std::size_t count, std::uint64_t* rows, MixedLabel* mixed,
                       device::StreamHandle stream) {
  Impl& d = *impl_;
  if (d.timed.recordings > 0 && d.timed_to.done()) d.tell();
  const std::uint64_t number = d.cuts++;  // the first one waits until its kernel is loaded
  const bool is_timed = number > 0 && (number <= kTimed || number % kTimed == 0);
  if (is_timed) {
    d.tell();
    d.timed = d.plans.work(d.source, first, count);
    d.timed_from.record(stream);
  }
  CutPlan plan = d.plans.at(d.slots[d.slot].gpu.data());
  plan.rows += first;
  const CutJob job{.source = {d.x.data(), d.y.data(), d.t.data(), d.p.data(), d.begin.data(), d.count.data()},
                   .plan = plan,
                   .memory = {.x = d.team_x.data(),
                              .y = d.team_y.data(),
                              .t = d.team_t.data(),
                              .p = d.team_p.data(),
                              .keys = d.keys.data(),
                              .words = d.words.data(),
                              .values = d.values.data(),
                              .densities = d.densities.data(),
                              .cells = d.cells.data(),
                              .room = static_cast<std::uint32_t>(d.team.events),
                              .keys_room = static_cast<std::uint32_t>(d.team.keys)},
                   .target = {.rows = reinterpret_cast<std::uint32_t*>(rows),
                              .mixed = mixed,
                              .row_words = static_cast<std::uint32_t>(2 * words_for(d.frames.features))},
                   .frames = d.frames,
                   .draws = draws_of(d.source, d.epoch, d.normal.data())};
  const std::size_t teams = std::min(d.teams, count);
  cut_rows(job, static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(teams),
           d.many_events || 2 * teams <= d.most_teams, stream);
  if (is_timed) d.timed_to.record(stream);
}

}  // namespace dltonic::data
