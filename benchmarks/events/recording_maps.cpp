#include "recording_maps.h"

#include <algorithm>
#include <cmath>

#include "dltonic/events/frames.h"

namespace dltonic::calibration {

Map smoothed_map(const events::Events& events) {
  Map counts(kChannels * kPixels), rows(counts.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::size_t bin = std::min<std::size_t>(kBins - 1, events.t[i] / kBinUs);
    counts[((bin * 2 + events.p[i]) * kSide + events.y[i]) * kSide + events.x[i]] += 1;
  }
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    const float* from = counts.data() + channel * kPixels;
    float* to = rows.data() + channel * kPixels;
    for (std::size_t y = 0; y < kSide; ++y) {
      for (std::size_t x = 0; x < kSide; ++x) {
        const std::size_t i = y * kSide + x;
        to[i] = from[i] + (x > 0 ? from[i - 1] : 0) + (x + 1 < kSide ? from[i + 1] : 0);
      }
    }
    float* out = counts.data() + channel * kPixels;
    for (std::size_t i = 0; i < kPixels; ++i)
      out[i] = to[i] + (i >= kSide ? to[i - kSide] : 0) + (i + kSide < kPixels ? to[i + kSide] : 0);
  }
  return counts;
}

namespace {

void add_events(const events::Events& events, std::array<double, kChannels>& by_channel) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    by_channel[std::min<std::size_t>(kBins - 1, events.t[i] / kBinUs) * 2 + events.p[i]] += 1;
  }
}

}  // namespace

Objective::Objective(const std::vector<Pair>& pairs, const events::IdxImages& images) : pairs_(pairs), images_(images) {
  events::FrameMaker maker({}, kSide, kSide);
  BitMatrix bits;
  for (const Pair& pair : pairs_) {
    real_.push_back(smoothed_map(pair.real));
    add_events(pair.real, real_events_);
    maker.append_rows(pair.real, bits);
  }
  real_bits_ = static_cast<double>(bits.count());
}

double Objective::operator()(const events::SimulatorOptions& options) const {
  const events::Simulator simulator(options, images_.width, images_.height, kSide, kSide);
  events::FrameMaker maker({}, kSide, kSide);
  BitMatrix bits;
  std::array<double, kChannels> events{}, product{}, real_square{}, square{};
  events::Events simulated;
  for (std::size_t n = 0; n < pairs_.size(); ++n) {
    simulator.simulate(images_.image(pairs_[n].image), pairs_[n].image, simulated);
    add_events(simulated, events);
    maker.append_rows(simulated, bits);
    const Map map = smoothed_map(simulated);
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
      const float* a = real_[n].data() + channel * kPixels;
      const float* b = map.data() + channel * kPixels;
      float ab = 0, aa = 0, bb = 0;
      for (std::size_t i = 0; i < kPixels; ++i) ab += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
      product[channel] += static_cast<double>(ab), real_square[channel] += static_cast<double>(aa),
          square[channel] += static_cast<double>(bb);
    }
  }
  double all = 0, loss = 0;
  for (const double count : real_events_) all += count;
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    const double cosine = product[channel] / std::sqrt(real_square[channel] * square[channel] + 1e-9);
    const double ratio = std::log((events[channel] + 1) / (real_events_[channel] + 1));
    loss += real_events_[channel] / all * (1 - cosine + ratio * ratio);
  }
  const double bit_ratio = std::log((static_cast<double>(bits.count()) + 1) / real_bits_);
  return loss + bit_ratio * bit_ratio;
}

void FrameStatistics::add(const events::Events& recording, int label, double centre_x, double centre_y) {
  events::FrameMaker maker({}, kSide, kSide);
  BitMatrix frame;
  maker.append_rows(recording, frame);
  for (std::size_t channel = 0; channel < bits.size(); ++channel) {
    for (std::size_t i = 0; i < kPixels; ++i) {
      if (!frame.get(0, channel * kPixels + i)) continue;
      const double x = static_cast<double>(i % kSide) - centre_x, y = static_cast<double>(i / kSide) - centre_y;
      bits[channel] += 1, sum_x[channel] += x, sum_y[channel] += y, sum_xx[channel] += x * x, sum_yy[channel] += y * y;
    }
  }
  const auto n = static_cast<double>(recording.size());
  class_events[static_cast<std::size_t>(label)] += n;
  class_recordings[static_cast<std::size_t>(label)] += 1;
  for (const std::uint32_t t : recording.t) profile[std::min<std::size_t>(kBins - 1, t / kBinUs)] += 1;
  for (const std::uint8_t p : recording.p) on += p;
  events += n;
  recordings += 1;
  if (!recording.empty()) first_us += recording.t.front(), last_us += recording.t.back();
}

}  // namespace dltonic::calibration
