/// Where recordings come from: a sorted list, each with label and split, read one at a time. `prepare` goes over it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/recording.h"
#include "dltonic/events/simulator.h"

namespace dltonic::events {

struct SourceOptions {
  std::string root;             ///< folder that holds the recordings or image files
  std::string format = "atis";  ///< atis: <root>/{Train,Test}/<label>/*.bin; idx: MNIST-like image files through the simulator
  int sensor_width = 34, sensor_height = 34;
  SimulatorOptions simulator;

  /// Keys of section `data`: root, format, sensor_width, sensor_height and section simulator.
  void bind(config::Section& data);
};

/// What is known of a recording before it is read.
struct SourceItem {
  std::string name;  ///< path relative to the root, or "train image 17"
  std::uint16_t label = 0;
  Split split = Split::none;
  std::uint64_t bytes = 0;  ///< of the file or the image
};

class RecordingSource {
 public:
  virtual ~RecordingSource() = default;

  std::size_t size() const { return items_.size(); }
  /// Sorted: train before test, by class, then by name (images: by index). The same on every rank that sees the same files.
  const std::vector<SourceItem>& items() const { return items_; }
  const SourceItem& item(std::size_t i) const { return items_[i]; }
  const std::vector<std::string>& classes() const { return classes_; }
  int width() const { return width_; }
  int height() const { return height_; }

  /// Reads, or makes, recording i; keeps the memory of `out`. Checks it: events inside the sensor, times that do not
  /// decrease. Throws DataError with the recording's name (also where its file cannot be read). Any number of threads may call
  /// it at once.
  virtual void read(std::size_t i, Recording& out) const = 0;

  /// Hash of what can be known cheaply: names, labels, splits and sizes; for images their files' contents and the simulator's
  /// options too. For cache keys.
  std::string fingerprint() const { return fingerprint_; }
  /// Hash of all content: reads every file.
  virtual std::string content_hash() const = 0;
  /// "900 recordings, 10 classes, 800 train, 100 test, from /data/nmnist (atis)".
  std::string describe() const;

 protected:
  std::vector<SourceItem> items_;
  std::vector<std::string> classes_;
  std::string fingerprint_, origin_;
  int width_ = 0, height_ = 0;
};

/// Lists the recordings. Throws DataError: missing root, no part, a part or label folder without recordings, a label folder
/// that only one part has, damaged image files; ConfigError for an unknown format.
std::unique_ptr<RecordingSource> make_source(const SourceOptions& options);

}  // namespace dltonic::events
