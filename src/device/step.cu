#include <cstddef>

#include "device/check.h"
#include "dltonic/device/step.h"

namespace dltonic::device {
namespace {

__global__ void begin_step(StepSums* sums, const StepSums* beginning) { *sums = *beginning; }

/// Launch: one warp.
__global__ void pack_sums(const StepSums* sums, float* to) {
  const int i = static_cast<int>(threadIdx.x) / 2;
  float part = 0;
  if (i < StepSums::kSummed) {
    const double sum = reinterpret_cast<const double*>(sums)[i];
    const auto whole = static_cast<float>(sum);
    part = threadIdx.x % 2 == 0 ? whole : isfinite(whole) ? static_cast<float>(sum - whole) : 0;
  }
  to[threadIdx.x] = part;
}

__global__ void unpack_sums(const float* from, StepSums* sums) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < StepSums::kSummed) reinterpret_cast<double*>(sums)[i] = static_cast<double>(from[2 * i]) + from[2 * i + 1];
}
static_assert(Steps::kPacked == 32 && 2 * StepSums::kSummed <= Steps::kPacked);

__global__ void end_step(StepClock* clock, StepSums* sums, Steps::Report* ring, const StepSums* beginning,
                         const Steps::Rates* rates) {
  const std::int64_t step = clock->step;
  Steps::Report& report = ring[step % Steps::kRing];
  report.sums = *sums;
  __threadfence_system();  // the host sees the number last
  *static_cast<volatile std::int64_t*>(&report.step) = step;
  if (!(sums->nonfinite > 0)) ++clock->updates;
  clock->step = step + 1;
  ++clock->batch;
  const std::int64_t next = step + 1 - rates->first;
  if (next >= 0 && next < rates->count) clock->learning_rate = rates->rates[next];
  *sums = *beginning;
}

}  // namespace

Steps::Steps() : clock_(1), sums_(1), next_(1), wished_(1), beginning_(1), rates_(1), ring_(kRing) {
  *wished_.data() = {};
  fill_zero(beginning_.data(), beginning_.bytes(), nullptr);
  fill_zero(rates_.data(), rates_.bytes(), nullptr);
  synchronize(nullptr);
  for (int i = 0; i < kRing; ++i) ring_.data()[i].step = -1;
}

void Steps::set(const StepClock& clock, StreamHandle stream, std::span<const float> later_rates) {
  synchronize(stream);               // the pinned copy may still be read
  for (int i = 0; i < kRing; ++i) {  // of steps that come again
    if (ring_.data()[i].step >= clock.step) ring_.data()[i].step = -1;
  }
  *next_.data() = clock;
  copy(clock_.data(), next_.data(), sizeof(StepClock), stream);
  later_rates_.reserve(later_rates.size());
  copy(later_rates_.data(), later_rates.data(), later_rates.size_bytes(), stream);
  const Rates rates{later_rates_.data(), clock.step + 1, static_cast<std::int64_t>(later_rates.size())};
  copy(rates_.data(), &rates, sizeof rates, stream);
  begin_step<<<1, 1, 0, stream>>>(sums_.data(), beginning_.data());
  check_launch("begin_step");
}

void Steps::pack(float* to, StreamHandle stream) const {
  pack_sums<<<1, kPacked, 0, stream>>>(sums_.data(), to);
  check_launch("pack_sums");
}
void Steps::unpack(const float* from, StreamHandle stream) {
  unpack_sums<<<1, kPacked, 0, stream>>>(from, sums_.data());
  check_launch("unpack_sums");
}

void Steps::end(StreamHandle stream) {
  end_step<<<1, 1, 0, stream>>>(clock_.data(), sums_.data(), ring_.data(), beginning_.data(), rates_.data());
  check_launch("end_step");
}

void Steps::wish(const Wishes& wishes, StreamHandle stream) {
  StepSums& wished = *wished_.data();
  if (wishes == Wishes{wished.save > 0, wished.stop > 0}) return;
  synchronize(stream);  // the pinned copy may still be read
  wished.save = wishes.save;
  wished.stop = wishes.stop;
  copy(beginning_.data(), &wished, sizeof wished, stream);
  // The step that comes next has begun with the old ones.
  static_assert(offsetof(StepSums, stop) == offsetof(StepSums, save) + sizeof(double));
  copy(&sums_.data()->save, &wished.save, 2 * sizeof(double), stream);
}

std::optional<StepSums> Steps::report(std::int64_t step) const {
  const Report& report = ring_.data()[step % kRing];
  if (__atomic_load_n(&report.step, __ATOMIC_ACQUIRE) != step) return std::nullopt;
  return report.sums;
}

}  // namespace dltonic::device
