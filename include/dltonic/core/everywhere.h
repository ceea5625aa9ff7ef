/// Functions of the host and of kernels.
#pragma once

#ifdef __CUDACC__
#define DLTONIC_EVERYWHERE __host__ __device__
#else
#define DLTONIC_EVERYWHERE
#endif
