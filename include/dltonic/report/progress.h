/// What a person sees of work that goes on: one line, drawn again and again, on a terminal; now and then a plain line in
/// a log. Both go to standard error, beside the log (core/log.h), which steps around the bar.
#pragma once

#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "dltonic/core/clock.h"
#include "dltonic/core/progress.h"

namespace dltonic::report {

/// `style`: "bar", "lines", "off", or "auto": a bar where `fd` is a terminal (also where it is a pipe to a local mpirun
/// whose own standard error is one), lines elsewhere. Throws ConfigError for another word.
/// To be made on one rank; the others use a plain Progress. At most one bar at a time: it becomes the log's console owner.
/// The task is advanced from one thread; the log may be written from any.
std::unique_ptr<Progress> make_progress(const std::string& style, int fd = STDERR_FILENO,
                                        std::function<double()> clock = steady_seconds);

}  // namespace dltonic::report
