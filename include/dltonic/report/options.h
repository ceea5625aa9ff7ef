#pragma once

#include <string>

#include "dltonic/config/section.h"

namespace dltonic::report {

struct Options {
  bool tensorboard = true;        ///< also write an event file for TensorBoard
  std::string progress = "auto";  ///< auto, bar, lines, off
  void bind(config::Section& s) {
    s.key("tensorboard", tensorboard, "write scalars for TensorBoard into the run directory, beside metrics.jsonl");
    s.key("progress", progress,
          "how work shows how far it is: a bar, plain lines, or nothing; auto takes a bar on a terminal and lines elsewhere")
        .choices({"auto", "bar", "lines", "off"});
  }
};

}  // namespace dltonic::report
