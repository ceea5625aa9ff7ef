/// --hang-rank: one rank waits until a debugger is attached, or SIGCONT; the others wait for it.
#pragma once

#include "dltonic/comm/world.h"

namespace dltonic::app {

/// ConfigError, agreed, where there is no such rank. collective
void hang_rank(comm::World& world, int rank);

}  // namespace dltonic::app
