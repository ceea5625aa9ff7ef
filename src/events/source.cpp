#include "dltonic/events/source.h"

#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "events/sources.h"

namespace dltonic::events {

void SourceOptions::bind(config::Section& data) {
  data.key("root", root, "folder that holds the recordings or image files");
  data.key("format", format,
           "atis: <root>/{Train,Test}/<label>/*.bin as in N-MNIST; idx: MNIST-like image files, made into recordings by the "
           "simulator")
      .choices({"atis", "idx"});
  data.key("sensor_width", sensor_width, "columns of the sensor").unit("pixels").min(1).max(65535);
  data.key("sensor_height", sensor_height, "rows of the sensor").unit("pixels").min(1).max(65535);
  simulator.bind(data.section("simulator", "recordings from images, format idx"));
}

void complete_recording(const SourceItem& item, int width, int height, Recording& out) {
  out.label = item.label;
  out.width = static_cast<std::uint16_t>(width);
  out.height = static_cast<std::uint16_t>(height);
  out.t_offset = 0;
  out.duration = out.events.empty() ? 0 : out.events.t.back() - out.events.t.front();
  out.split = item.split;
  out.subject = 65535;
  out.source = item.name;
}

std::string RecordingSource::describe() const {
  const auto train =
      std::count_if(items_.begin(), items_.end(), [](const SourceItem& item) { return item.split == Split::train; });
  const auto all = static_cast<std::int64_t>(items_.size());
  return cat(with_commas(items_.size()), " recordings, ", classes_.size(), " classes, ",
             with_commas(static_cast<std::uint64_t>(train)), " train, ", with_commas(static_cast<std::uint64_t>(all - train)),
             " test, from ", origin_);
}

std::unique_ptr<RecordingSource> make_source(const SourceOptions& options) {
  if (options.root.empty()) throw ConfigError("data.root is not set: give the folder that holds the recordings or image files");
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.root, ignored))
    throw DataError(cat("data.root: there is no folder ", options.root));
  if (options.format == "atis") return std::make_unique<FolderSource>(options);
  if (options.format == "idx") return std::make_unique<ImageSource>(options);
  throw ConfigError(cat("data.format: unknown format \"", options.format, "\"; use atis or idx"));
}

}  // namespace dltonic::events
