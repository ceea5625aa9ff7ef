/// LibTorch's CUDA libraries. The program links its CPU libraries alone, and opens libtorch_cuda.so where a GPU is: it starts
/// on machines without a driver, and without the gigabytes that libtorch_cuda.so needs beside it.
#pragma once

#include <string>

namespace dltonic::model {

/// Opens them, once a process; in words what is in the way, empty: nothing. LibTorch looks for CUDA once and for good, in its
/// first backward pass at the latest: this must come before it. A build without CUDA has none.
const std::string& open_torch_cuda();

}  // namespace dltonic::model
