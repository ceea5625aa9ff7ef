/// The World of a test program that runs under mpirun (mpi_main.cpp makes it).
#pragma once

#include <filesystem>
#include <string>

#include "dltonic/comm/world.h"

namespace dltonic::test {

comm::World& world();

/// A fresh folder that all ranks share, its name the running test's; removed at the program's end. collective
std::filesystem::path shared_folder();

}  // namespace dltonic::test
