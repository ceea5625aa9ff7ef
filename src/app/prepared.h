/// dltonic prepare --list | --prune | --check: what is prepared, what may go, whether a data set is whole.
#pragma once

#include "app/command.h"

namespace dltonic::app {

struct PreparedArguments {
  bool list = false, prune = false, check = false, dry_run = false, yes = false, as_json = false;
  double older_than_days = -1;
};

/// One of the three. Returns the exit code. collective
int prepared(comm::World& world, const ConfigArguments& arguments, const PreparedArguments& what);

}  // namespace dltonic::app
