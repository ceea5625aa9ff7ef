#include "dltonic/data/prepare.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "data/image_frames.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/frame_file.h"

namespace dltonic::data {
namespace {

/// Recordings that a rank holds at once: bounds its memory (N-MNIST: 20 MB of events).
constexpr std::size_t kBlock = 512;
constexpr double kPhaseLimit_s = 6 * 3600;

struct Failures {
  explicit Failures(std::size_t n) : errors(n) {}
  std::vector<std::exception_ptr> errors;
  void rethrow_first() const {
    for (const auto& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }
};

/// Recordings [first, first + count) of the source, read by all threads, in order. Damaged ones are left out and
/// described in `skipped` where `skip_damaged`; `kept` gets the indices of the others.
void read_block(const events::RecordingSource& source, std::size_t first, std::size_t count, bool skip_damaged,
                std::vector<events::Recording>& recordings, std::vector<std::uint32_t>& kept,
                std::vector<std::string>& skipped) {
  recordings.resize(count);
  Failures failures(count);
#pragma omp parallel for schedule(dynamic, 16)
  for (std::size_t i = 0; i < count; ++i) {
    try {
      source.read(first + i, recordings[i]);
    } catch (...) {
      failures.errors[i] = std::current_exception();
    }
  }
  std::size_t good = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (failures.errors[i]) {
      try {
        std::rethrow_exception(failures.errors[i]);
      } catch (const DataError& error) {
        if (!skip_damaged) throw;
        skipped.emplace_back(error.what());
        continue;
      }
    }
    kept.push_back(static_cast<std::uint32_t>(first + i));
    if (good != i) std::swap(recordings[good], recordings[i]);
    ++good;
  }
  recordings.resize(good);
}

/// Filters and frames for one thread.
struct Framer {
  Framer(const Options& options, int width, int height)
      : filters(options.filters, options.frames.compat_kind(), width, height),
        filtered(options.filters.any()),
        maker(options.frames, width, height) {}
  events::Filters filters;
  bool filtered;
  events::FrameMaker maker;
};

/// This rank's rows of the frames file.
struct Rows {
  BitMatrix bits;
  std::vector<std::uint16_t> labels;
  std::vector<std::uint32_t> recording;
};

/// Frames of a block of recordings, whose first has index `id`, added to `rows`. Recordings are filtered in place.
void frame_block(std::vector<Framer>& framers, std::vector<events::Recording>& recordings, std::uint32_t id, Rows& rows) {
  const int threads = static_cast<int>(framers.size());
  std::vector<BitMatrix> parts(framers.size());
  std::vector<std::uint32_t> frames_of(recordings.size());
  Failures failures(framers.size());
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int t = 0; t < threads; ++t) {
    Framer& framer = framers[static_cast<std::size_t>(t)];
    const auto share = comm::share_of(recordings.size(), t, threads);
    try {
      for (std::size_t i = share.first; i < share.first + share.count; ++i) {
        if (framer.filtered) framer.filters.apply(recordings[i].events);
        frames_of[i] = static_cast<std::uint32_t>(with_context(recordings[i].source, [&] {
          return framer.maker.append_bits(recordings[i].events, parts[static_cast<std::size_t>(t)]);
        }));
      }
    } catch (...) {
      failures.errors[static_cast<std::size_t>(t)] = std::current_exception();
    }
  }
  failures.rethrow_first();
  for (const BitMatrix& part : parts) {
    const std::size_t row = rows.bits.rows();
    rows.bits.add_rows(part.rows());
    std::copy(part.words().begin(), part.words().end(),
              rows.bits.words().begin() + static_cast<std::ptrdiff_t>(row * rows.bits.row_words()));
  }
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    rows.labels.insert(rows.labels.end(), frames_of[i], recordings[i].label);
    rows.recording.insert(rows.recording.end(), frames_of[i], id + static_cast<std::uint32_t>(i));
  }
}

class Preparation {
 public:
  Preparation(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress)
      : world_(world),
        options_(options),
        project_(project),
        progress_(progress),
        phase_(world.phase("prepare", kPhaseLimit_s)) {}

  PrepareResult run() {
    const Stopwatch watch;
    world_.agree("create the folder of prepared files", [&] { make_directories(project_ / "data"); });
    if (options_.kind == "images") prepare_images();
    else prepare_recordings();
    result_.seconds = watch.seconds();
    return result_;
  }

 private:
  void prepare_images() {
    std::optional<ImageFrames> images;
    world_.agree("read images", [&] { images.emplace(options_); });
    note_source(images->content_hash(), [&] { return images->content_hash(); });
    if (usable<store::FrameFileReader>(result_.file.frames, result_.file.settings)) return use_cached();
    const auto share = comm::share_of(images->images().size(), world_.rank(), world_.size());
    Rows rows;
    images->frames(share.first, share.count, rows.bits);
    for (std::size_t i = 0; i < share.count; ++i) {
      rows.labels.push_back(images->images()[share.first + i].label);
      rows.recording.push_back(static_cast<std::uint32_t>(share.first + i));
    }
    write(images->shape(), images->classes(), images->images(), rows);
  }

  void prepare_recordings() {
    world_.agree("list recordings", [&] { source_ = events::make_source(options_.source); });
    const bool differs = source_->fingerprint() != world_.broadcast(source_->fingerprint());
    const std::string count_of_root = world_.broadcast(with_commas(source_->size()));
    world_.agree("compare the lists of recordings", [&] {
      if (differs) {
        throw DataError(cat("host ", world_.host(), " sees other recordings under ", options_.source.root, " (",
                            with_commas(source_->size()), " in all) than rank 0 (", count_of_root,
                            "): all ranks must see the same files"));
      }
    });
    log::info(source_->describe());
    note_source(source_->fingerprint(), [&] { return source_->content_hash(); });
    const bool make_events =
        options_.store_events && !usable<store::EventFileReader>(result_.file.events, result_.file.events_settings);
    const bool make_frames = !usable<store::FrameFileReader>(result_.file.frames, result_.file.settings);
    if (make_events) write_events();
    if (!make_frames) return use_cached(make_events);
    const FrameShape shape{events::channels(options_.frames), events::downsampled(source_->height(), options_.frames),
                           events::downsampled(source_->width(), options_.frames)};
    Rows rows;
    rows.bits.reset(0, shape.features());
    std::vector<store::RecordingInfo> table = options_.store_events ? frames_from_events(rows) : frames_from_source(rows);
    write(shape, source_->classes(), table, rows);
  }

  /// Raw recordings → events file, round by round: every rank reads a block, all write together, so that recordings lie
  /// in the source's order.
  void write_events() {
    store::EventFileInfo info;
    info.classes = source_->classes();
    info.width = static_cast<std::uint16_t>(source_->width());
    info.height = static_cast<std::uint16_t>(source_->height());
    info.source_hash = result_.file.content_hash;
    info.settings = result_.file.events_settings;
    store::EventFileWriter writer(world_, result_.file.events, info);
    progress_.begin("decode", source_->size(), "recordings");
    std::vector<events::Recording> block;
    std::vector<std::uint32_t> kept;
    std::vector<std::string> skipped;
    const std::size_t round = kBlock * static_cast<std::size_t>(world_.size());
    for (std::size_t first = 0; first < source_->size(); first += round) {
      const std::size_t in_round = std::min(round, source_->size() - first);
      const auto share = comm::share_of(in_round, world_.rank(), world_.size());
      world_.agree("decode", [&] {
        read_block(*source_, first + share.first, share.count, options_.on_error == "skip", block, kept, skipped);
      });
      writer.append(block);
      phase_.alive();
      progress_.advance(first + in_round);
    }
    result_.events = writer.events();
    writer.finish();
    progress_.end();
    gather_skipped(skipped);
  }

  /// Frames of this rank's share of the events file. Returns the table of all recordings.
  std::vector<store::RecordingInfo> frames_from_events(Rows& rows) {
    std::vector<store::RecordingInfo> table;
    world_.agree("cut frames", [&] {
      const store::EventFileReader reader(result_.file.events);
      reader.expect_settings(result_.file.events_settings);
      table = reader.recordings();
      result_.events = reader.events();
      const auto share = comm::share_of(table.size(), world_.rank(), world_.size());
      auto framers = make_framers();
      progress_.begin("cut frames", share.count, "recordings");
      for (std::size_t done = 0; done < share.count; done += kBlock) {
        const std::size_t count = std::min<std::size_t>(kBlock, share.count - done);
        auto block = reader.read(share.first + done, count);
        frame_block(framers, block, static_cast<std::uint32_t>(share.first + done), rows);
        phase_.alive();
        progress_.advance(done + count);
      }
      progress_.end();
    });
    return table;
  }

  /// The same straight from the source, with no events file between.
  std::vector<store::RecordingInfo> frames_from_source(Rows& rows) {
    std::vector<std::uint32_t> kept;
    std::vector<std::string> skipped;
    std::uint64_t events = 0;
    world_.agree("decode and cut frames", [&] {
      const auto share = comm::share_of(source_->size(), world_.rank(), world_.size());
      auto framers = make_framers();
      std::vector<events::Recording> block;
      progress_.begin("decode and cut frames", share.count, "recordings");
      for (std::size_t done = 0; done < share.count; done += kBlock) {
        const std::size_t count = std::min<std::size_t>(kBlock, share.count - done);
        const auto id = static_cast<std::uint32_t>(kept.size());  // within this rank, until the others' counts are known
        read_block(*source_, share.first + done, count, options_.on_error == "skip", block, kept, skipped);
        for (const auto& recording : block) events += recording.events.size();
        frame_block(framers, block, id, rows);
        phase_.alive();
        progress_.advance(done + count);
      }
      progress_.end();
    });
    result_.events = world_.offset(events).total;
    gather_skipped(skipped);
    const auto before = static_cast<std::uint32_t>(world_.offset(kept.size()).before);
    for (std::uint32_t& id : rows.recording) id += before;
    std::vector<store::RecordingInfo> table;
    const auto all = world_.gather_bytes(std::as_bytes(std::span(kept)));
    for (std::size_t i = 0; i < all.size(); i += sizeof(std::uint32_t)) {
      std::uint32_t index = 0;
      std::copy_n(all.data() + i, sizeof index, reinterpret_cast<std::byte*>(&index));
      store::RecordingInfo info;
      info.label = source_->item(index).label;
      info.split = source_->item(index).split;
      info.source = source_->item(index).name;
      info.width = static_cast<std::uint16_t>(source_->width());
      info.height = static_cast<std::uint16_t>(source_->height());
      table.push_back(std::move(info));
    }
    return table;
  }

  void write(const FrameShape& shape, const std::vector<std::string>& classes, std::vector<store::RecordingInfo> table,
             const Rows& rows) {
    store::FrameFileInfo info;
    info.channels = shape.channels;
    info.height = shape.height;
    info.width = shape.width;
    info.classes = classes;
    info.recordings = std::move(table);
    info.source_hash = result_.file.content_hash;
    info.settings = result_.file.settings;
    store::write_frame_file(world_, result_.file.frames, info, rows.bits, rows.labels, rows.recording);
    use_cached(true);
  }

  /// Takes the result's numbers from the frames file that is there now.
  void use_cached(bool made = false) {
    world_.agree("read the frames file", [&] {
      const store::FrameFileReader reader(result_.file.frames);
      reader.expect_settings(result_.file.settings);
      result_.samples = reader.samples();
      result_.recordings = reader.info().recordings.size();
      result_.bytes = std::filesystem::file_size(result_.file.frames);
    });
    result_.cached = !made;
  }

  /// Names the files by the source's content: what the last prepare noted where the source still looks the same, else
  /// what rank 0 reads now.
  void note_source(const std::string& fingerprint, const std::function<std::string()>& content_hash) {
    std::string hash;
    world_.agree("hash the source", [&] {
      if (!world_.is_root()) return;
      hash = noted_content(options_, project_, fingerprint).value_or("");
      if (!hash.empty()) return;
      hash = content_hash();
      note_content(options_, project_, fingerprint, hash);
    });
    result_.file = prepared_file(options_, project_, world_.broadcast(hash));
  }

  void gather_skipped(const std::vector<std::string>& mine) {
    for (const std::string& lines : world_.gather(join(mine, "\n"))) {
      std::istringstream in(lines);
      for (std::string line; std::getline(in, line);) result_.skipped.push_back(line);
    }
  }

  std::vector<Framer> make_framers() const {
    std::vector<Framer> framers;
    for (int t = 0; t < omp_get_max_threads(); ++t) framers.emplace_back(options_, source_->width(), source_->height());
    return framers;
  }

  /// Whether a prepared file is there and good. A damaged or stale one is made anew: that is what its readers advise.
  /// Rank 0's answer: file systems may show a new file to some hosts later than to others. collective
  template <class Reader>
  bool usable(const std::filesystem::path& path, const std::string& settings) {
    bool good = false;
    world_.agree("look for " + path.string(), [&] {
      if (!world_.is_root() || !std::filesystem::exists(path)) return;
      try {
        Reader(path).expect_settings(settings);
        good = true;
      } catch (const DataError& error) {
        log::warn(cat("a prepared file is made anew: ", error.what()));
      }
    });
    return world_.broadcast(good ? "yes" : "no") == "yes";
  }

  comm::World& world_;
  const Options& options_;
  std::filesystem::path project_;
  Progress& progress_;
  comm::Phase phase_;
  std::unique_ptr<events::RecordingSource> source_;
  PrepareResult result_;
};

}  // namespace

PrepareResult prepare(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress) {
  return Preparation(world, options, project, progress).run();
}

}  // namespace dltonic::data
