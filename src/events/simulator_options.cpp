#include "dltonic/core/text.h"
#include "dltonic/events/simulator.h"

namespace dltonic::events {

void SimulatorOptions::bind(config::Section& section) {
  section.key("threshold_on", threshold_on, "mean threshold of a pixel that becomes brighter, log intensity").above(0);
  section.key("threshold_off", threshold_off, "mean threshold of a pixel that becomes darker, log intensity").above(0);
  section.key("threshold_sd", threshold_sd, "standard deviation of the thresholds between pixels").min(0);
  section.key("threshold_min", threshold_min, "least threshold of a pixel").min(0.001);
  section.key("log_floor", log_floor, "intensity (0 to 1) below which a pixel's response is linear, not logarithmic")
      .min(0.001)
      .max(1);
  section.key("blur_px", blur_px, "sigma of the lens").unit("pixels").min(0).max(8);
  section.key("lowpass_us", lowpass_us, "time constant of the photoreceptor").unit("us").min(0);
  section.key("jitter_us", jitter_us, "standard deviation of an event's time").unit("us").min(0);
  section.key("refractory_us", refractory_us, "changes of a pixel within this after its last event are lost").unit("us").min(0);
  section.key("noise_hz", noise_hz, "background events a pixel and second").unit("Hz").min(0).max(10000);
  section.key("noise_on_share", noise_on_share, "share of the background events that are ON").min(0).max(1);
  section.key("dark_on_bright", dark_on_bright,
              "a pixel of 255 is the darkest (so real N-MNIST recordings show the digits), not the brightest");
  section.key("motion", motion, "how the image moves. saccade: along path_x and path_y; loop: round a closed rhombus")
      .choices({"saccade", "loop"});
  section.key("loop_px", loop_px, "loop: half a diagonal of the rhombus").unit("pixels").above(0).max(4096);
  section.key("loop_us", loop_us, "loop: time of one round").unit("us").above(0);
  section.key("loops", loops, "loop: rounds a recording").min(1).max(10000);
  section.key("image_width", image_width, "width that images are scaled to on the sensor; 0: as they are")
      .unit("pixels")
      .min(0)
      .max(4096);
  section.key("image_height", image_height, "height that images are scaled to; 0: as they are").unit("pixels").min(0).max(4096);
  section.check("image_width", [this]() -> std::string {
    if ((image_width > 0) == (image_height > 0)) return {};
    return cat("image_width is ", image_width, " and image_height ", image_height, "; set both, or none");
  });
  section.key("knot_us", knot_us, "time between two corners of the path").unit("us").above(0);
  section.key("path_x", path_x, "column of the image's left edge on the sensor at each corner of the path").unit("pixels");
  section.key("path_y", path_y, "row of the image's upper edge on the sensor at each corner of the path").unit("pixels");
  section.key("seed", seed, "seed of thresholds and noise");
  section.key("exclude", exclude, "file of train image indices to leave out: one a line, or the last column of a CSV");
  section.key("exclude_rows", exclude_rows, "leave out only the rows of that file that start with this");
  section.check("path_x", [this]() -> std::string {
    if (path_x.size() == path_y.size() && path_x.size() >= 2) return {};
    return cat("the path has ", path_x.size(), " columns and ", path_y.size(),
               " rows; both lists need the same length, at least 2");
  });
}

std::string SimulatorOptions::describe() const {
  std::string text =
      cat("simulator 2 threshold_on=", threshold_on, " threshold_off=", threshold_off, " threshold_sd=", threshold_sd,
          " threshold_min=", threshold_min, " log_floor=", fixed(log_floor, 6), " blur_px=", blur_px,
          " lowpass_us=", lowpass_us, " jitter_us=", jitter_us, " refractory_us=", refractory_us, " noise_hz=", noise_hz,
          " noise_on_share=", noise_on_share, " dark_on_bright=", dark_on_bright);
  if (image_width > 0) text += cat(" image=", image_width, "x", image_height);
  if (motion == "loop") {
    return text + cat(" seed=", seed, " loops=", loops, " of ", fixed(loop_us, 3), " us, ", fixed(loop_px, 4), " px");
  }
  text += cat(" knot_us=", knot_us, " seed=", seed, " path=");
  for (std::size_t i = 0; i < path_x.size() && i < path_y.size(); ++i)
    text += cat(" (", fixed(path_x[i], 4), ", ", fixed(path_y[i], 4), ")");
  return text;
}

}  // namespace dltonic::events
