#include "device/check.h"
#include "dltonic/device/step.h"

namespace dltonic::device {
namespace {

__device__ StepSums beginning(double wish) { return {.loss = 0, .correct = 0, .nonfinite = 0, .wish = wish}; }

__global__ void begin_step(StepSums* sums, const double* wish) { *sums = beginning(*wish); }

__global__ void end_step(StepClock* clock, StepSums* sums, Steps::Report* ring, const double* wish) {
  const std::int64_t step = clock->step;
  Steps::Report& report = ring[step % Steps::kRing];
  report.sums = *sums;
  __threadfence_system();  // the host sees the number last
  *static_cast<volatile std::int64_t*>(&report.step) = step;
  clock->step = step + 1;
  ++clock->batch;
  *sums = beginning(*wish);
}

}  // namespace

Steps::Steps() : clock_(1), sums_(1), next_(1), wished_(1), wish_(1), ring_(kRing) {
  *wished_.data() = 0;
  fill_zero(wish_.data(), wish_.bytes(), nullptr);
  synchronize(nullptr);
  for (int i = 0; i < kRing; ++i) ring_.data()[i].step = -1;
}

void Steps::set(const StepClock& clock, StreamHandle stream) {
  synchronize(stream);               // the pinned copy may still be read
  for (int i = 0; i < kRing; ++i) {  // of steps that come again
    if (ring_.data()[i].step >= clock.step) ring_.data()[i].step = -1;
  }
  *next_.data() = clock;
  copy(clock_.data(), next_.data(), sizeof(StepClock), stream);
  begin_step<<<1, 1, 0, stream>>>(sums_.data(), wish_.data());
  check_launch("begin_step");
}

void Steps::end(StreamHandle stream) {
  end_step<<<1, 1, 0, stream>>>(clock_.data(), sums_.data(), ring_.data(), wish_.data());
  check_launch("end_step");
}

void Steps::wish(double value, StreamHandle stream) {
  if (value == *wished_.data()) return;
  synchronize(stream);  // the pinned copy may still be read
  *wished_.data() = value;
  copy(wish_.data(), wished_.data(), wish_.bytes(), stream);
  copy(&sums_.data()->wish, wished_.data(), sizeof(double), stream);  // the step that comes next has begun with the old one
}

std::optional<StepSums> Steps::report(std::int64_t step) const {
  const Report& report = ring_.data()[step % kRing];
  if (__atomic_load_n(&report.step, __ATOMIC_ACQUIRE) != step) return std::nullopt;
  return report.sums;
}

}  // namespace dltonic::device
