/// What the console can do.
#pragma once

#include <string>

namespace dltonic::report {

/// The terminal that a person sees what is written to `fd` on: "" where there is none or it can't redraw a line.
/// mpirun reads its ranks' standard error from a pipe and passes it on as it comes; so where `fd` is a pipe and the
/// parent is a launcher with a terminal of its own, that terminal counts.
std::string terminal_behind(int fd);

/// Characters a line, asked anew each time since windows change; 80 where nobody knows.
int columns_of(const std::string& terminal);

}  // namespace dltonic::report
