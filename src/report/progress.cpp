#include "dltonic/report/progress.h"

#include <utility>

#include "dltonic/core/error.h"
#include "report/progress_bar.h"
#include "report/progress_lines.h"
#include "report/terminal.h"

namespace dltonic::report {

std::unique_ptr<Progress> make_progress(const std::string& style, int fd, std::function<double()> clock) {
  const std::string terminal = style == "auto" || style == "bar" ? terminal_behind(fd) : "";
  if (style == "bar" || (style == "auto" && !terminal.empty())) {
    return std::make_unique<ProgressBar>(fd, terminal, std::move(clock));
  }
  if (style == "auto" || style == "lines") return std::make_unique<ProgressLines>(std::move(clock));
  if (style == "off") return std::make_unique<Progress>();
  throw ConfigError("report.progress '" + style + "' is none of auto, bar, lines, off");
}

}  // namespace dltonic::report
