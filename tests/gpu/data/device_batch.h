/// Batches of a GPU beside those of the host.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "dltonic/core/random.h"
#include "dltonic/core/text.h"
#include "dltonic/data/device_frames.h"

namespace dltonic::data::test {

/// `samples` random frames, a third of the bits set, and random labels.
inline FrameSet random_frames(const FrameShape& shape, std::size_t samples) {
  FrameSet set;
  set.shape = shape;
  set.bits.reset(samples, shape.row_bits());
  set.labels.resize(samples);
  for (std::size_t s = 0; s < samples; ++s) {
    Random random(5, Use::test, static_cast<std::uint32_t>(s));
    set.labels[s] = static_cast<std::uint16_t>(random.next_u32());
    for (std::size_t f = 0; f < shape.row_bits(); ++f) {
      if (random.below(3) == 0) set.bits.set(s, f);
    }
  }
  return set;
}

/// Sample numbers 0 … n − 1 in the order of an epoch of batches.
inline EpochOrder order_of(std::size_t n, std::uint64_t batch_size, std::uint32_t epoch) {
  std::vector<std::uint32_t> samples(n);
  std::iota(samples.begin(), samples.end(), 0u);
  EpochOrder order(std::move(samples), batch_size, 9);
  order.start(epoch);
  return order;
}
/// One rank that trains all.
inline EpochShares shares_of(std::size_t n, std::uint64_t batch_size) { return EpochShares(n, batch_size, 0, 0, 1); }

/// A batch in host memory, laid out as DeviceBatch says.
struct HostBatch {
  int samples = 0;
  std::vector<std::uint64_t> bits;    ///< [row bit][padded samples / 64]
  std::vector<std::uint16_t> labels;  ///< [padded samples]
};

inline HostBatch batch_of_host(const FrameSet& frames, std::span<const std::uint32_t> samples, const Augmentation* augmentation,
                               std::uint32_t epoch) {
  Batch batch;
  fill_batch(frames, samples, augmentation, epoch, batch);
  BitMatrix turned;
  transpose(batch.bits, turned);
  HostBatch host{.samples = static_cast<int>(samples.size()), .bits = {}, .labels = batch.labels};
  const auto padded = static_cast<std::size_t>(DeviceBatch::padded(host.samples));
  host.labels.resize(padded);
  host.bits.resize(turned.rows() * (padded / 64));
  for (std::size_t f = 0; f < turned.rows(); ++f) {
    std::copy(turned.row(f).begin(), turned.row(f).end(), host.bits.begin() + static_cast<std::ptrdiff_t>(f * (padded / 64)));
  }
  return host;
}

inline HostBatch batch_of_gpu(const DeviceBatch& batch, std::size_t row_bits, device::StreamHandle stream) {
  return {.samples = batch.samples,
          .bits = device::downloaded(batch.bits, row_bits * static_cast<std::size_t>(batch.row_words()), stream),
          .labels = device::downloaded(batch.labels, static_cast<std::size_t>(batch.padded_samples()), stream)};
}

/// Ones everywhere, so that what a gather leaves unwritten shows.
inline void soil(const DeviceBatchBuffer& buffer, device::StreamHandle stream) {
  const auto padded = static_cast<std::size_t>(DeviceBatch::padded(buffer.most_samples()));
  const std::vector<std::uint64_t> bits(buffer.row_bits() * (padded / 64), ~std::uint64_t{0});
  const std::vector<std::uint16_t> labels(padded, 0xFFFF);
  device::copy(buffer.bits(), bits.data(), bits.size() * sizeof(bits[0]), stream);
  device::copy(buffer.labels(), labels.data(), labels.size() * sizeof(labels[0]), stream);
  device::synchronize(stream);
}

/// In words, how `found` differs; empty where it does not.
inline std::string difference(const HostBatch& found, const HostBatch& expected) {
  if (found.samples != expected.samples) return cat(found.samples, " samples, expected ", expected.samples);
  if (found.bits.size() != expected.bits.size()) return cat(found.bits.size(), " words, expected ", expected.bits.size());
  const std::size_t row_words = expected.labels.size() / 64;
  std::size_t bits = 0, in_padding = 0;
  std::string first;
  for (std::size_t w = 0; w < expected.bits.size(); ++w) {
    for (std::uint64_t wrong = found.bits[w] ^ expected.bits[w]; wrong != 0; wrong &= wrong - 1) {
      const std::size_t sample = w % row_words * 64 + static_cast<std::size_t>(std::countr_zero(wrong));
      if (bits == 0) first = cat("first: bit ", w / row_words, " of sample ", sample);
      ++bits;
      if (sample >= static_cast<std::size_t>(expected.samples)) ++in_padding;
    }
  }
  std::string text;
  if (bits > 0)
    text = cat(bits, " of ", expected.bits.size() * 64, " bits differ, ", in_padding, " of them in padding, ", first, ". ");
  const auto wrong = std::mismatch(found.labels.begin(), found.labels.end(), expected.labels.begin());
  if (wrong.first != found.labels.end()) {
    text += cat("Label of sample ", wrong.first - found.labels.begin(), " is ", *wrong.first, ", expected ", *wrong.second);
  }
  return text;
}

}  // namespace dltonic::data::test
