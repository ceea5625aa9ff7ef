#include "dltonic/events/decoder.h"

#include <algorithm>
#include <limits>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/aedat2.h"
#include "events/aedat3.h"
#include "events/aedat4.h"
#include "events/atis_decoder.h"
#include "events/block_decoder.h"
#include "events/dat.h"
#include "events/npy.h"

namespace dltonic::events {
namespace {

/// Events a step: what it writes is looked at again while it lies in the first cache.
constexpr std::size_t kStepEvents = 4096;
constexpr std::int64_t kEpochUs = std::int64_t{1} << 32;

EventSink sink_at(Events& events, std::size_t at) {
  return {events.x.data() + at, events.y.data() + at, events.t.data() + at, events.p.data() + at,
          std::min(kStepEvents, events.size() - at)};
}

/// t_offset and duration, and the times from the one on. What was decoded are the lower halves of times that lie less than 2^32
/// apart, so the difference of two lower halves is that of the times.
void set_zero(const TimeLine& times, bool begins_at_zero, Recording& out) {
  out.t_offset = 0;
  out.duration = 0;
  if (times.empty()) return;
  const auto span = static_cast<std::uint64_t>(times.latest()) - static_cast<std::uint64_t>(times.earliest());
  if (span >= static_cast<std::uint64_t>(kEpochUs)) {
    throw DataError(cat("times lie between ", times.earliest(), " and ", times.latest(),
                        " us: a recording may last 2^32 us (71 ", "minutes); is the file damaged?"));
  }
  const bool fits = times.earliest() >= 0 && times.latest() < kEpochUs;
  if (!begins_at_zero || !fits) out.t_offset = times.earliest();
  if (const auto zero = static_cast<std::uint32_t>(out.t_offset); zero != 0) {
    for (std::uint32_t& t : out.events.t) t -= zero;
  }
  out.duration = static_cast<std::uint32_t>(span);
}

}  // namespace

std::unique_ptr<BlockDecoder> make_decoder(Format format, const DecodeOptions& options) {
  switch (format) {
    case Format::atis:
      return std::make_unique<AtisDecoder>(options);
    case Format::aedat2:
      return std::make_unique<Aedat2Decoder>(options);
    case Format::aedat3:
      return std::make_unique<Aedat3Decoder>(options);
    case Format::aedat4:
      return std::make_unique<Aedat4Decoder>(options);
    case Format::dat:
      return std::make_unique<DatDecoder>(options);
    case Format::npy:
      return std::make_unique<NpyDecoder>(options);
  }
  throw ConfigError(cat("no format of recordings has the number ", static_cast<int>(format)));
}

void TimeLine::add(std::int64_t epoch, std::span<const std::uint32_t> low) {
  if (low.empty()) return;
  const std::uint32_t* t = low.data();
  std::size_t back = 0;
  for (std::size_t i = 1; i < low.size(); ++i) back += t[i] < t[i - 1] ? 1 : 0;
  // Where time never steps back, the ends are the extremes.
  std::uint32_t least = t[0], most = t[low.size() - 1];
  if (back > 0) {
    for (std::size_t i = 0; i < low.size(); ++i) least = std::min(least, t[i]), most = std::max(most, t[i]);
  }
  const auto time = [epoch](std::uint32_t lower) { return epoch * kEpochUs + lower; };
  if (!empty_ && time(t[0]) < last_) ++back;
  earliest_ = empty_ ? time(least) : std::min(earliest_, time(least));
  latest_ = empty_ ? time(most) : std::max(latest_, time(most));
  last_ = time(low.back());
  back_steps_ += back;
  empty_ = false;
}

DecodeReport decode(Format format, std::span<const std::byte> bytes, const DecodeOptions& options, Recording& out) {
  const auto decoder = make_decoder(format, options);
  TimeLine times;
  Events& events = out.events;
  events.resize(decoder->first_guess(bytes.size()));
  std::size_t count = 0, at = 0;
  while (at < bytes.size()) {
    if (count == events.size()) events.resize(count + std::max(count / 2, kStepEvents));
    const BlockDecoder::Step step = decoder->step(bytes.subspan(at), at, sink_at(events, count));
    if (step.bytes == 0 && step.events == 0) break;
    times.add(step.epoch, {events.t.data() + count, step.events});
    count += step.events;
    at += step.bytes;
  }
  decoder->finish(bytes.size(), bytes.size() - at);
  events.resize(count);
  set_zero(times, decoder->begins_at_zero(), out);
  out.width = decoder->width;
  out.height = decoder->height;
  DecodeReport report = decoder->report;
  report.events = count;
  report.back_steps = times.back_steps();
  return report;
}

// ---- in blocks ------------------------------------------------------------------------------------------------------------

class EventStream::State {
 public:
  State(Format format, ByteSource source, const DecodeOptions& options)
      : source_(std::move(source)), decoder_(make_decoder(format, options)) {}

  bool next(EventBlock& block, std::size_t most) {
    Events& events = block.events;
    events.resize(std::max<std::size_t>(most, 1));
    std::size_t count = take_ahead(block);
    while (count < events.size() && ahead_.empty()) {
      const BlockDecoder::Step step = decoder_->step({buffer_.data() + begin_, end_ - begin_}, at_, sink_at(events, count));
      begin_ += step.bytes;
      at_ += step.bytes;
      if (step.events == 0) {
        if (step.bytes == 0 && !read_more()) break;
        continue;
      }
      times_.add(step.epoch, {events.t.data() + count, step.events});
      if (count > 0 && step.epoch * kEpochUs != block.t_offset) {
        keep_for_later(events, count, step);
        break;
      }
      block.t_offset = step.epoch * kEpochUs;
      count += step.events;
    }
    events.resize(count);
    given_ += count;
    return count > 0;
  }

  DecodeReport report() const {
    DecodeReport report = decoder_->report;
    report.events = given_;
    report.back_steps = times_.back_steps();
    return report;
  }
  const BlockDecoder& decoder() const { return *decoder_; }

 private:
  static constexpr std::size_t kFirstBytes = std::size_t{1} << 14, kReadBytes = std::size_t{1} << 17;

  /// False at the end of the recording, with all that it holds decoded.
  bool read_more() {
    if (ended_) return false;
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
              buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    // Larger where the recording is, and where a step needs more than fits: never by what the recording says of its sizes.
    const bool small = at_ >= buffer_.size() && buffer_.size() < kReadBytes;
    if (end_ == buffer_.size() || small) buffer_.resize(std::max(kFirstBytes, 2 * buffer_.size()));
    const std::size_t got = source_({buffer_.data() + end_, buffer_.size() - end_});
    end_ += got;
    if (got > 0) return true;
    ended_ = true;
    decoder_->finish(at_ + end_, end_);
    return false;
  }

  /// Events of another epoch than the block's wait for the next call.
  void keep_for_later(const Events& events, std::size_t from, const BlockDecoder::Step& step) {
    ahead_.resize(step.events);
    copy(events, from, ahead_, 0, step.events);
    ahead_used_ = 0;
    ahead_offset_ = step.epoch * kEpochUs;
  }
  std::size_t take_ahead(EventBlock& block) {
    const std::size_t count = std::min(block.events.size(), ahead_.size() - ahead_used_);
    if (count == 0) return 0;
    copy(ahead_, ahead_used_, block.events, 0, count);
    block.t_offset = ahead_offset_;
    ahead_used_ += count;
    if (ahead_used_ == ahead_.size()) ahead_.clear(), ahead_used_ = 0;
    return count;
  }
  static void copy(const Events& from, std::size_t at, Events& to, std::size_t to_at, std::size_t count) {
    std::copy_n(from.x.data() + at, count, to.x.data() + to_at);
    std::copy_n(from.y.data() + at, count, to.y.data() + to_at);
    std::copy_n(from.t.data() + at, count, to.t.data() + to_at);
    std::copy_n(from.p.data() + at, count, to.p.data() + to_at);
  }

  ByteSource source_;
  std::unique_ptr<BlockDecoder> decoder_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0, end_ = 0;  ///< of what is not yet decoded, in the buffer
  std::uint64_t at_ = 0;             ///< where that begins in the recording
  bool ended_ = false;
  TimeLine times_;
  std::size_t given_ = 0;
  Events ahead_;
  std::size_t ahead_used_ = 0;
  std::int64_t ahead_offset_ = 0;
};

EventStream::EventStream(Format format, ByteSource source, const DecodeOptions& options)
    : state_(std::make_unique<State>(format, std::move(source), options)) {}
EventStream::~EventStream() = default;
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;

bool EventStream::next(EventBlock& block, std::size_t most) { return state_->next(block, most); }
DecodeReport EventStream::report() const { return state_->report(); }
std::uint16_t EventStream::width() const { return state_->decoder().width; }
std::uint16_t EventStream::height() const { return state_->decoder().height; }

}  // namespace dltonic::events
