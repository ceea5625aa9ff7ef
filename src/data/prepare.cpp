#include "dltonic/data/prepare.h"

#include <omp.h>

#include <optional>

#include "data/deal.h"
#include "data/event_stage.h"
#include "data/fit_frames.h"
#include "data/frame_rows.h"
#include "data/framer.h"
#include "data/image_frames.h"
#include "data/survey.h"
#include "data/unpack_archives.h"
#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/frame_file.h"

namespace dltonic::data {
namespace {

constexpr double kPhaseLimit_s = 6 * 3600;

class Preparation {
 public:
  Preparation(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress)
      : world_(world),
        options_(options),
        project_(project),
        progress_(progress),
        phase_(world.phase("prepare", kPhaseLimit_s)),
        frames_(options.frames) {}

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
    world_.agree("note the source", [&] {
      if (world_.is_root()) note_content(options_, project_, images->content_hash(), images->content_hash());
    });
    result_.file = prepared_file(options_, project_, images->content_hash());
    if (usable<store::FrameFileReader>(result_.file.frames, result_.file.settings)) return use_cached();
    const auto share = comm::share_of(images->images().size(), world_.rank(), world_.size());
    FrameRows rows;
    images->frames(share.first, share.count, rows.bits);
    for (std::size_t i = 0; i < share.count; ++i) {
      rows.labels.push_back(images->images()[share.first + i].label);
      rows.recording.push_back(static_cast<std::uint32_t>(share.first + i));
    }
    write(images->shape(), images->classes(), options_.thresholds, images->images(), rows);
  }

  void prepare_recordings() {
    const events::SourceOptions source = unpack_archives(world_, options_, project_, progress_, phase_);
    world_.agree("list recordings", [&] { source_ = events::make_source(source); });
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
    name_files();
    bool make_events =
        options_.store_events && !usable<store::EventFileReader>(result_.file.events, result_.file.events_settings);
    if (make_events) make_events = make_events_file();
    const bool make_frames = !usable<store::FrameFileReader>(result_.file.frames, result_.file.settings);
    if (!make_frames) return use_cached(make_events);
    events::SensorSize sensor;  // that frames are cut from
    world_.agree("fit the filters to the sensor", [&] {
      sensor = options_.filters.size_after({source_->width(), source_->height()});
    });
    const FrameShape shape{events::channels(options_.frames), events::downsampled(sensor.height, options_.frames),
                           events::downsampled(sensor.width, options_.frames), options_.frames.depth()};
    FrameRows rows;
    rows.bits.reset(0, shape.row_bits());
    if (!frames_.fitted_quantiles().empty()) fit();
    std::vector<store::RecordingInfo> table = options_.store_events ? frames_from_events_file(rows) : frames_from_files(rows);
    write(shape, source_->classes(), frames_.known_thresholds(), table, rows);
  }

  /// Names the prepared files by the source's content: what the last prepare noted where the source still looks the same, else
  /// what all ranks read now.
  void name_files() {
    std::string hash = noted();
    if (hash.empty()) hash = look_at_source();
    result_.file = prepared_file(options_, project_, hash);
  }

  std::string noted() {
    std::string hash;
    world_.agree("look for earlier preparations", [&] {
      if (world_.is_root()) hash = noted_content(options_, project_, source_->fingerprint()).value_or("");
    });
    return world_.broadcast(hash);
  }

  /// Reads all recordings once (nothing where the list itself tells the content) and notes what they hold.
  std::string look_at_source() {
    std::string hash = source_->fingerprint();
    if (!source_->fingerprint_is_content()) {
      survey_.emplace(survey(world_, *source_, progress_, phase_));
      if (options_.on_error != "skip") fail_where_damaged(world_, *survey_);
      hash = survey_->content_hash;
    }
    world_.agree("note the source", [&] {
      if (world_.is_root()) note_content(options_, project_, source_->fingerprint(), hash);
    });
    return hash;
  }

  /// Raw recordings → events file. Returns false where it turned out that a good file is there.
  bool make_events_file() {
    auto writer = store::EventFileWriter::go_on(world_, result_.file.events, result_.file.events_settings);
    if (!writer) {
      if (!survey_) {
        survey_.emplace(survey(world_, *source_, progress_, phase_));
        if (options_.on_error != "skip") fail_where_damaged(world_, *survey_);
        if (survey_->content_hash != result_.file.content_hash) {  // other content under the same names and sizes
          world_.agree("note the source", [&] {
            if (world_.is_root()) note_content(options_, project_, source_->fingerprint(), survey_->content_hash);
          });
          result_.file = prepared_file(options_, project_, survey_->content_hash);
          if (usable<store::EventFileReader>(result_.file.events, result_.file.events_settings)) return false;
        }
      }
      store::EventFileInfo info;
      info.classes = source_->classes();
      info.width = static_cast<std::uint16_t>(source_->width());
      info.height = static_cast<std::uint16_t>(source_->height());
      info.source_hash = result_.file.content_hash;
      info.settings = result_.file.events_settings;
      info.skipped = survey_->damaged;
      tell_notes(survey_->notes);
      writer = std::make_unique<store::EventFileWriter>(world_, result_.file.events, info, std::move(survey_->table));
    }
    write_events(world_, *source_, *writer, progress_, phase_);
    return true;
  }

  /// Fits the thresholds on the recordings that train, read a first time. collective
  void fit() {
    FitRecordings recordings;
    recordings.sensor = {source_->width(), source_->height()};
    std::optional<store::EventFileReader> reader;
    if (options_.store_events) {
      world_.agree("fit thresholds", [&] {
        reader.emplace(result_.file.events);
        for (const auto& row : reader->recordings()) recordings.add(row.label, row.split, row.subject, row.source);
      });
      recordings.read = [&](std::size_t first, std::size_t count) { return reader->read(first, count); };
    } else {
      for (const auto& item : source_->items()) recordings.add(item.label, item.split, item.subject, item.name);
      recordings.read = [&](std::size_t first, std::size_t count) {
        std::vector<events::Recording> block(count);
        std::vector<Run> runs;
        for (std::size_t i = 0; i < count; ++i) runs.push_back({i, 1, 0});
        for_each_run(
            runs, [&](int, const Run& run) { source_->read(first + run.first, block[run.first]); }, [] {},
            [] { return false; });
        return block;
      };
    }
    frames_ = fit_frames(world_, options_, recordings, progress_);
  }

  std::vector<store::RecordingInfo> frames_from_events_file(FrameRows& rows) {
    std::vector<store::RecordingInfo> table;
    world_.agree("cut frames", [&] {
      const store::EventFileReader reader(result_.file.events);
      reader.expect_settings(result_.file.events_settings);
      table = reader.recordings();
      result_.events = reader.events();
      result_.skipped = reader.info().skipped;
      auto framers = make_framers();
      data::frames_from_events(world_, reader, framers, rows, progress_, phase_);
    });
    stop_where_wished(world_, "the events file stays");
    return table;
  }

  std::vector<store::RecordingInfo> frames_from_files(FrameRows& rows) {
    std::vector<Framer> framers;
    world_.agree("cut frames", [&] { framers = make_framers(); });
    FromSource made = data::frames_from_source(world_, *source_, options_.on_error == "skip", framers, rows, progress_, phase_);
    result_.events = made.events;
    result_.skipped = std::move(made.damaged);
    tell_notes(made.notes);
    return std::move(made.table);
  }

  void write(const FrameShape& shape, const std::vector<std::string>& classes, std::vector<double> thresholds,
             std::vector<store::RecordingInfo> table, const FrameRows& rows) {
    store::FrameFileInfo info;
    info.channels = shape.channels;
    info.height = shape.height;
    info.width = shape.width;
    info.depth = shape.depth;
    info.classes = classes;
    info.recordings = std::move(table);
    info.source_hash = result_.file.content_hash;
    info.settings = result_.file.settings;
    info.thresholds = std::move(thresholds);
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

  std::vector<Framer> make_framers() const {
    std::vector<Framer> framers;
    for (int t = 0; t < omp_get_max_threads(); ++t)
      framers.emplace_back(options_.filters, frames_, events::SensorSize{source_->width(), source_->height()});
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
  std::optional<Survey> survey_;
  events::FrameOptions frames_;  ///< options_.frames, its thresholds fitted
  PrepareResult result_;
};

}  // namespace

PrepareResult prepare(comm::World& world, const Options& options, const std::filesystem::path& project, Progress& progress) {
  return Preparation(world, options, project, progress).run();
}

}  // namespace dltonic::data
