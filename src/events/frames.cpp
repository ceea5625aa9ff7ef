#include "dltonic/events/frames.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::events {
namespace {

static_assert(std::endian::native == std::endian::little, "pack_bits reads eight bytes as one little-endian word");

/// Bit j of `words` = byte j of `hit`, which holds 0 and 1 and is `words`·64 bytes long.
void pack_bits(const std::uint8_t* hit, std::size_t words, std::uint64_t* out) {
  for (std::size_t w = 0; w < words; ++w, hit += 64) {
#if defined(__AVX2__)
    const auto mask = [](const std::uint8_t* bytes) {  // the lowest bit of each byte, moved to its sign
      return static_cast<std::uint32_t>(
          _mm256_movemask_epi8(_mm256_slli_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)), 7)));
    };
    out[w] = std::uint64_t{mask(hit + 32)} << 32 | mask(hit);
#else
    std::uint64_t word = 0;
    for (unsigned byte = 0; byte < 8; ++byte) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, hit + 8 * byte, 8);
      word |= (eight * 0x0102040810204080u >> 56) << (8 * byte);  // gathers eight lowest bits into the top byte
    }
    out[w] = word;
#endif
  }
}

}  // namespace

FrameMaker::FrameMaker(const FrameOptions& options, int width, int height) : options_(options) {
  const auto refuse = [](const std::string& what) { throw ConfigError("frames: " + what); };
  if (options.bins < 1) refuse(cat("bins is ", options.bins, ", must be at least 1"));
  if (options.events_per_frame < 1) refuse(cat("events_per_frame is ", options.events_per_frame, ", must be at least 1"));
  if (options.window_us < 1) refuse(cat("window_us is ", options.window_us, ", must be at least 1"));
  if (!(options.overlap >= 0 && options.overlap < 1)) refuse(cat("overlap is ", options.overlap, ", must be in [0, 1)"));
  if (options.downsample < 1) refuse(cat("downsample is ", options.downsample, ", must be at least 1"));
  if (width < 1 || height < 1) refuse(cat("a sensor of ", width, " x ", height, " pixels"));

  const FrameMode mode = options.frame_mode();
  stacked_ = mode == FrameMode::time_bins || mode == FrameMode::event_bins;
  merged_ = options.merged();
  channels_ = events::channels(options);
  width_ = downsampled(width, options);
  height_ = downsampled(height, options);
  features_ = static_cast<std::size_t>(channels_) * static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_);
  if (features_ > std::numeric_limits<std::uint32_t>::max()) refuse(cat(features_, " features a sample are more than 2^32"));
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

std::size_t FrameMaker::append_bits(const Events& events, BitMatrix& out) {
  if (out.bits() == 0) out.reset(0, features_);
  if (out.bits() != features_)
    throw DataError(cat("frames of ", features_, " features cannot be added to a matrix of ", out.bits(), " columns"));
  cut(events, options_, slices_);
  const std::size_t samples = stacked_ ? 1 : slices_.size();
  const std::size_t first = out.rows(), words = words_for(features_);
  out.add_rows(samples);
  const std::size_t bin_features = features_ / (stacked_ ? slices_.size() : 1);
  place_events(events);
  hit_.resize(words * 64);
  const auto mark = [this](Slice slice, std::size_t base) {
    std::uint8_t* hit = hit_.data() + base;
    const std::uint32_t* place = place_.data();
    for (std::size_t i = slice.begin; i < slice.end; ++i) hit[place[i]] = 1;
  };
  for (std::size_t s = 0; s < samples; ++s) {
    std::memset(hit_.data(), 0, hit_.size());
    if (stacked_) {
      for (std::size_t k = 0; k < slices_.size(); ++k) mark(slices_[k], k * bin_features);
    } else {
      mark(slices_[s], 0);
    }
    pack_bits(hit_.data(), words, out.row(first + s).data());
  }
  return samples;
}

std::size_t FrameMaker::append_counts(const Events& events, std::vector<std::int16_t>& out) {
  cut(events, options_, slices_);
  const std::size_t samples = stacked_ ? 1 : slices_.size();
  const std::size_t first = out.size();
  out.resize(first + samples * features_);
  // A bin and a frame are alike here: slices follow each other in memory either way.
  const std::size_t slice_features = samples * features_ / slices_.size();
  place_events(events);
  for (std::size_t k = 0; k < slices_.size(); ++k) {
    std::int16_t* counts = out.data() + first + k * slice_features;
    for (std::size_t i = slices_[k].begin; i < slices_[k].end; ++i) {
      std::int16_t& count = counts[place_[i]];
      if (count < std::numeric_limits<std::int16_t>::max()) ++count;
    }
  }
  return samples;
}

}  // namespace dltonic::events
