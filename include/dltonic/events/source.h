/// Where recordings come from: a sorted list, each with label and split, in units that are read at once. `prepare` goes over
/// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/events/recording.h"
#include "dltonic/events/simulator.h"
#include "dltonic/events/strokes.h"

namespace dltonic::events {

struct SourceOptions {
  std::string root;               ///< folder or archive that holds the recordings or image files
  std::string layout = "folder";  ///< how files lie below the root: folder, nmnist, cifar10dvs, dvsgesture, ncaltech101, ncars
  std::string format = "auto";    ///< auto; atis, aedat2, aedat3, aedat4, dat, npy (decoder.h); idx, images: through the
                                  ///< simulator; strokes: made from nothing (strokes.h)
  std::string aedat2_convention = "spikingjelly";  ///< how an AEDAT 2.0 address becomes x, y and p (decoder.h)
  double npy_time_us = 1000;                       ///< microseconds in a unit of time of an .npy file
  int sensor_width = 34, sensor_height = 34;       ///< of the canvas that all recordings lie on
  std::string placement =
      "fixed";  ///< fixed: events lie on the canvas as they are; centred: recordings of other sizes are centred
  std::string unsorted = "fail";  ///< what time that runs backwards means: fail, sort
  SimulatorOptions simulator;
  StrokeOptions strokes;
  std::filesystem::path unpacked;  ///< folder that holds unpacked archives (archive.h), no key; "": none

  /// Keys of section `data`, and sections simulator and strokes.
  void bind(config::Section& data);
};

/// What is known of a recording before it is read.
struct SourceItem {
  std::string name;  ///< path below the root, "path#2" for the third recording in a file, or "train image 17"
  std::uint16_t label = 0;
  Split split = Split::none;
  std::uint16_t subject = 65535;  ///< 65535: none
};

/// Recordings that lie in one file, and so are read at once.
struct SourceUnit {
  std::size_t first = 0, count = 0;  ///< items
  std::uint64_t bytes = 0;           ///< of the file or the image
};

/// What was done to recordings while they were read.
struct ReadNotes {
  std::uint64_t sorted = 0;          ///< recordings whose events were brought into the order of their times
  std::uint64_t outside_events = 0;  ///< events cut off by the canvas (placement centred)
  std::uint64_t invalid_events = 0;  ///< marked invalid by their camera, kept
  void add(const ReadNotes& more) {
    sorted += more.sorted;
    outside_events += more.outside_events;
    invalid_events += more.invalid_events;
  }
};

class RecordingSource {
 public:
  virtual ~RecordingSource() = default;

  std::size_t size() const { return items_.size(); }
  /// Sorted: train before test, by class, then by name (images: by index; DVS128 Gesture: by recording, then as its labels
  /// stand). The same on every rank that sees the same files, packed or not.
  const std::vector<SourceItem>& items() const { return items_; }
  const SourceItem& item(std::size_t i) const { return items_[i]; }
  const std::vector<SourceUnit>& units() const {
    return units_;
  }  ///< in the order of their items, which they share without gap
  const std::vector<std::string>& classes() const { return classes_; }
  int width() const { return width_; }
  int height() const { return height_; }

  /// Memory that reading keeps between units: one a thread.
  struct Scratch {
    std::vector<std::byte> bytes;
    Recording whole, part;
  };
  /// Hears of each recording of a unit, in order; may change it, it is the scratch's.
  using Take = std::function<void(std::size_t item, Recording& recording)>;
  /// Reads, or makes, the recordings of a unit. Checks them: events inside the sensor, times that do not decrease. Where
  /// `sha256` is given it gets the hash of the unit's bytes, also where they are damaged. Throws DataError with the unit's name
  /// (also where its file cannot be read). Any number of threads may call it at once.
  virtual ReadNotes read_unit(std::size_t unit, Scratch& scratch, const Take& take, std::string* sha256 = nullptr) const = 0;
  /// One recording alone: for tests and for looking at.
  void read(std::size_t i, Recording& out) const;

  /// Hash of what can be known cheaply: names, labels, splits and sizes; for images their files' contents and the simulator's
  /// options too. For cache keys.
  std::string fingerprint() const { return fingerprint_; }
  /// Whether the fingerprint says all of the content: nothing has to be read to know it.
  virtual bool fingerprint_is_content() const { return false; }
  /// Hash of all content, from the hashes of its units' bytes.
  std::string content_hash(std::span<const std::string> unit_sha256) const;
  /// The same; reads every file, alone.
  std::string content_hash() const;
  /// "900 recordings, 10 classes, 800 train, 100 test, from /data/nmnist (nmnist)".
  std::string describe() const;

 protected:
  std::vector<SourceItem> items_;
  std::vector<SourceUnit> units_;
  std::vector<std::string> classes_;
  std::string fingerprint_, origin_;
  int width_ = 0, height_ = 0;
};

/// Lists the recordings. Throws DataError: missing root, damaged archives, no recordings, a class or a part that lacks them,
/// damaged image files; ConfigError for an unknown layout, format or other word.
std::unique_ptr<RecordingSource> make_source(const SourceOptions& options);

}  // namespace dltonic::events
