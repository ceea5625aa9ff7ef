#include "dltonic/events/frames.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/frame_bits.h"

namespace dltonic::events {
FrameMaker::FrameMaker(const FrameOptions& options, int width, int height) : options_(options) {
  const auto refuse = [](const std::string& what) { throw ConfigError("frames: " + what); };
  if (options.bins < 1) refuse(cat("bins is ", options.bins, ", must be at least 1"));
  if (options.events_per_frame < 1) refuse(cat("events_per_frame is ", options.events_per_frame, ", must be at least 1"));
  if (options.window_us < 1) refuse(cat("window_us is ", options.window_us, ", must be at least 1"));
  if (!(options.overlap >= 0 && options.overlap < 1)) refuse(cat("overlap is ", options.overlap, ", must be in [0, 1)"));
  if (options.downsample < 1) refuse(cat("downsample is ", options.downsample, ", must be at least 1"));
  if (width < 1 || height < 1) refuse(cat("a sensor of ", width, " x ", height, " pixels"));

  if (const std::string fault = options.values_fault(); !fault.empty()) refuse(fault);
  const FrameMode mode = options.frame_mode();
  stacked_ = mode == FrameMode::time_bins || mode == FrameMode::event_bins;
  merged_ = options.merged();
  kind_ = options.frame_values();
  limits_ = integer_thresholds(options);
  channels_ = events::channels(options);
  width_ = downsampled(width, options);
  height_ = downsampled(height, options);
  features_ = static_cast<std::size_t>(channels_) * static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  places_ =
      static_cast<std::size_t>(options.polarities()) * static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  if (row_bits() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    refuse(cat(row_bits(), " bits a sample are more than 2^31 - 1; use fewer bins or data.frames.downsample"));
  for (int y = 0; y < height; ++y) row_.push_back(static_cast<std::uint32_t>(y / options.downsample * width_));
  for (int x = 0; x < width; ++x) col_.push_back(static_cast<std::uint32_t>(x / options.downsample));
}

/// place_[i] = feature of event i, counted from the start of its frame or bin: a pass that the compiler vectorises, so that
/// what remains an event is one load and one store.
void FrameMaker::place_events(const Events& events) {
  const std::size_t n = events.size();
  place_.resize(n);
  std::uint32_t* place = place_.data();
  const std::uint16_t *x = events.x.data(), *y = events.y.data();
  const std::uint8_t* p = events.p.data();
  const std::uint32_t on = merged_ ? 0 : static_cast<std::uint32_t>(height_ * width_);
  if (options_.downsample == 1) {
    const auto width = static_cast<std::uint32_t>(width_);
    for (std::size_t i = 0; i < n; ++i) place[i] = y[i] * width + x[i] + (p[i] != 0 ? on : 0);
  } else {
    const std::uint32_t *row = row_.data(), *col = col_.data();
    for (std::size_t i = 0; i < n; ++i) place[i] = row[y[i]] + col[x[i]] + (p[i] != 0 ? on : 0);
  }
}

std::size_t FrameMaker::append_rows(const Events& events, BitMatrix& out) {
  if (limits_.empty() && !options_.numbers())
    throw ConfigError(cat("frames: the thresholds of values ", options_.values, " are not fitted yet; prepare does it"));
  if (out.bits() == 0) out.reset(0, row_bits());
  if (out.bits() != row_bits())
    throw DataError(cat("frames of ", row_bits(), " bits cannot be added to a matrix of ", out.bits(), " columns"));
  cut(events, options_, slices_);
  const std::size_t samples = stacked_ ? 1 : slices_.size(), first = out.rows();
  out.add_rows(samples);
  place_events(events);
  if (options_.numbers()) {
    append_numbers(events, out, first);
    return samples;
  }
  hit_.resize(words_for(features_) * 64);
  if (kind_ == FrameValues::bits && options_.downsample_count == 1) append_plain(out, first);
  else append_levels(events, out, first);
  return samples;
}

/// One bit a pixel, bin and polarity: whether an event was there.
void FrameMaker::append_plain(BitMatrix& out, std::size_t first) {
  const auto mark = [this](Slice slice, std::size_t base) {
    std::uint8_t* hit = hit_.data() + base;
    const std::uint32_t* place = place_.data();
    for (std::size_t i = slice.begin; i < slice.end; ++i) hit[place[i]] = 1;
  };
  for (std::size_t row = first; row < out.rows(); ++row) {
    std::memset(hit_.data(), 0, hit_.size());
    if (stacked_) {
      for (std::size_t k = 0; k < slices_.size(); ++k) mark(slices_[k], k * places_);
    } else {
      mark(slices_[row - first], 0);
    }
    pack_bits(hit_, out.row(row));
  }
}

std::size_t FrameMaker::append_counts(const Events& events, std::vector<std::int16_t>& out) {
  cut(events, options_, slices_);
  const std::size_t samples = stacked_ ? 1 : slices_.size();
  const std::size_t first = out.size();
  out.resize(first + slices_.size() * places_);
  // A bin and a frame are alike here: slices follow each other in memory either way.
  place_events(events);
  for (std::size_t k = 0; k < slices_.size(); ++k) {
    std::int16_t* counts = out.data() + first + k * places_;
    for (std::size_t i = slices_[k].begin; i < slices_[k].end; ++i) {
      std::int16_t& count = counts[place_[i]];
      if (count < std::numeric_limits<std::int16_t>::max()) ++count;
    }
  }
  return samples;
}

}  // namespace dltonic::events
