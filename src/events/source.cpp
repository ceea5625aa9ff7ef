#include "dltonic/events/source.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/hash.h"
#include "dltonic/core/text.h"
#include "events/sources.h"

namespace dltonic::events {

void SourceOptions::bind(config::Section& data) {
  data.key("root", root,
           "folder that holds the recordings or image files, unpacked or in the archives as they were downloaded (.zip, .tar, "
           ".tar.gz, .7z); or one archive");
  data.key("layout", layout,
           "how the files lie below the root. folder: [{Train,Test}/]<class>/ with recordings; the others: as the data set of "
           "that "
           "name is published (docs/datasets.md)")
      .choices(layout_names());
  data.key("format", format,
           "auto: found out for each recording; atis: 5 bytes an event (.bin); aedat2, aedat3 (.aedat), aedat4; dat: "
           "Prophesee's; "
           "npy: rows of x, y, p, t; idx: MNIST-like image files, images: PNG, PGM or PPM files in class folders, made into "
           "recordings by the simulator; strokes: recordings made from nothing, whose classes differ in temporal order alone")
      .choices({"auto", "atis", "aedat2", "aedat3", "aedat4", "dat", "npy", "idx", "images", "strokes"});
  data.key("aedat2_convention", aedat2_convention,
           "AEDAT 2.0. spikingjelly: upright, as in papers; raw: row and column as the camera gives them, as Tonic reads them")
      .choices({"spikingjelly", "raw"});
  data.key("npy_time_us", npy_time_us, "a unit of time in .npy recordings").unit("us").above(0);
  data.key("sensor_width", sensor_width, "columns of the sensor, or of the canvas that recordings are placed on")
      .unit("pixels")
      .min(1)
      .max(65535);
  data.key("sensor_height", sensor_height, "rows of it").unit("pixels").min(1).max(65535);
  data.key("placement", placement,
           "fixed: every event must lie on the sensor; centred: recordings of other sizes are centred on it, cropped where "
           "they are "
           "larger, never scaled")
      .choices({"fixed", "centred"});
  data.key("unsorted", unsorted,
           "time that runs backwards within a recording. fail: it counts as damaged; sort: its events are sorted, those of one "
           "time "
           "keep their order, and such recordings are counted")
      .choices({"fail", "sort"});
  simulator.bind(
      data.section("simulator", "recordings from images (formats idx and images), and the pixels of all simulated recordings"));
  strokes.bind(data.section("strokes", "recordings of format strokes"));
}

void complete_recording(const SourceItem& item, int width, int height, Recording& out) {
  out.label = item.label;
  out.width = static_cast<std::uint16_t>(width);
  out.height = static_cast<std::uint16_t>(height);
  out.duration = out.events.empty() ? 0 : out.events.t.back() - out.events.t.front();
  out.split = item.split;
  out.subject = item.subject;
  out.source = item.name;
}

void RecordingSource::read(std::size_t i, Recording& out) const {
  const auto after = std::upper_bound(units_.begin(), units_.end(), i,
                                      [](std::size_t item, const SourceUnit& unit) { return item < unit.first; });
  Scratch scratch;
  std::swap(scratch.whole, out);  // its memory
  Recording found;
  read_unit(static_cast<std::size_t>(after - units_.begin()) - 1, scratch, [&](std::size_t item, Recording& recording) {
    if (item == i) std::swap(found, recording);
  });
  std::swap(out, found);
}

std::string RecordingSource::content_hash(std::span<const std::string> unit_sha256) const {
  if (fingerprint_is_content()) return fingerprint_;
  Sha256 hash;
  hash.update(fingerprint_);
  for (const std::string& unit : unit_sha256) hash.update(unit);
  return hash.hex();
}

std::string RecordingSource::content_hash() const {
  std::vector<std::string> hashes(fingerprint_is_content() ? 0 : units_.size());
  Scratch scratch;
  for (std::size_t unit = 0; unit < hashes.size(); ++unit)
    read_unit(
        unit, scratch, [](std::size_t, Recording&) {}, &hashes[unit]);
  return content_hash(hashes);
}

std::string RecordingSource::describe() const {
  const auto of = [&](Split split) {
    return with_commas(static_cast<std::uint64_t>(
        std::count_if(items_.begin(), items_.end(), [&](const SourceItem& item) { return item.split == split; })));
  };
  const bool split =
      std::any_of(items_.begin(), items_.end(), [](const SourceItem& item) { return item.split != Split::none; });
  return cat(with_commas(items_.size()), " recordings, ", classes_.size(), " classes, ",
             split ? cat(of(Split::train), " train, ", of(Split::test), " test") : "no published split", ", from ", origin_);
}

std::unique_ptr<RecordingSource> make_source(const SourceOptions& options) {
  if (options.format == "strokes") return std::make_unique<StrokeSource>(options);
  if (options.root.empty()) throw ConfigError("data.root is not set: give the folder that holds the recordings or image files");
  if (options.format == "idx") {
    std::error_code ignored;
    if (!std::filesystem::is_directory(options.root, ignored))
      throw DataError(cat("data.root: there is no folder ", options.root));
    return std::make_unique<ImageSource>(options);
  }
  if (options.format == "images") return std::make_unique<ImageFolderSource>(options);
  const auto& layouts = layout_names();
  if (std::find(layouts.begin(), layouts.end(), options.layout) == layouts.end())
    throw ConfigError(cat("data.layout: unknown layout \"", options.layout, "\"; use one of ", join(layouts)));
  if (options.layout == "dvsgesture") return std::make_unique<GestureSource>(options);
  return std::make_unique<FolderSource>(options);
}

}  // namespace dltonic::events
