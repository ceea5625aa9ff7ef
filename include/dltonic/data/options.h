#pragma once

#include <string>
#include <vector>

#include "dltonic/config/section.h"
#include "dltonic/data/augment.h"
#include "dltonic/data/splits.h"
#include "dltonic/events/augment.h"
#include "dltonic/events/filters.h"
#include "dltonic/events/frames.h"
#include "dltonic/events/source.h"

namespace dltonic::data {

/// Section `data`: which recordings or images, how they become frames, how they are split and augmented.
struct Options {
  std::string name;                 ///< names the prepared files
  std::string kind = "recordings";  ///< recordings: events become frames; images: pixels become bits
  events::SourceOptions source;
  std::string on_error = "fail";  ///< what a damaged recording means: fail, skip
  bool store_events = true;       ///< prepare writes the events file too
  events::FilterOptions filters;
  events::FrameOptions frames;
  std::vector<double> thresholds = {0.5};  ///< images: bit j is pixel >= threshold j (0 … 1)
  int crop = 0;                            ///< images: border that is cut off
  SplitOptions splits;
  AugmentationOptions augmentation;                ///< of frames
  events::AugmentationOptions event_augmentation;  ///< of recordings, before frames are cut: event_frames.h
  std::string residency = "auto";                  ///< where frames lie while a GPU trains: residency.h
  std::string framing = "auto";                    ///< where a GPU's frames are cut from augmented events: device_events.h
  void bind(config::Section& s);
};

}  // namespace dltonic::data
