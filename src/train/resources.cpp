#include "dltonic/train/resources.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "dltonic/core/clock.h"
#include "dltonic/core/text.h"
#include "dltonic/device/device.h"

namespace dltonic::train {
namespace {

/// The number behind `key` in a file of lines "key: number [unit]"; 0 where it is not told.
double number_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + key.size(), nullptr);
  }
  return 0;
}

double entries_of(const char* folder) {
  std::error_code error;
  double count = 0;
  for (auto it = std::filesystem::directory_iterator(folder, error); !error && it != std::filesystem::directory_iterator();
       it.increment(error))
    ++count;
  return count;
}

constexpr std::array<const char*, 9> kNames{"cpu_percent", "memory_bytes", "read_bytes_per_s", "written_bytes_per_s",
                                            "threads",     "open_files",   "gpu_busy",         "gpu_memory_used_bytes",
                                            "gpu_power_w"};
constexpr std::size_t kOfHost = 6;

/// Every rank's values, by rank. collective
template <std::size_t kCount>
std::vector<std::array<double, kCount>> gathered(comm::World& world, const std::array<double, kCount>& mine) {
  const auto bytes = world.gather_bytes(std::as_bytes(std::span(mine)));
  std::vector<std::array<double, kCount>> all(bytes.size() / sizeof(mine));
  std::memcpy(all.data(), bytes.data(), all.size() * sizeof(mine));
  return all;
}

}  // namespace

Resources::Reading Resources::read() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return {.at_s = steady_seconds(),
          .cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime),
          .memory_bytes = 1024 * number_of("/proc/self/status", "VmRSS:"),
          .peak_bytes = 1024 * number_of("/proc/self/status", "VmHWM:"),
          .read_bytes = number_of("/proc/self/io", "read_bytes:"),
          .written_bytes = number_of("/proc/self/io", "write_bytes:"),
          .threads = number_of("/proc/self/status", "Threads:"),
          .files = entries_of("/proc/self/fd")};
}

Resources::Resources() : first_(read()), last_(first_) {}

std::vector<std::pair<std::string, double>> Resources::since_last(comm::World& world) {
  const Reading now = read();
  const double seconds = std::max(1e-9, now.at_s - last_.at_s);
  std::array<double, kNames.size() + 1> mine{
      100 * (now.cpu_s - last_.cpu_s) / seconds,           now.memory_bytes, (now.read_bytes - last_.read_bytes) / seconds,
      (now.written_bytes - last_.written_bytes) / seconds, now.threads,      now.files};
  if (device::count() > 0) {
    if (const auto gpu = device::gpu_use()) {
      mine[kOfHost] = gpu->busy;
      mine[kOfHost + 1] = gpu->memory_bytes;
      mine[kOfHost + 2] = gpu->power_w;
      mine.back() = 1;
    }
  }
  last_ = now;
  std::vector<std::pair<std::string, double>> named;
  const auto all = gathered(world, mine);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::size_t told = all[rank].back() > 0 ? kNames.size() : kOfHost;
    for (std::size_t i = 0; i < told; ++i) named.emplace_back(cat("rank", rank, "/", kNames[i]), all[rank][i]);
  }
  return named;
}

std::string Resources::summary(comm::World& world) const {
  const Reading now = read();
  const double seconds = std::max(1e-9, now.at_s - first_.at_s);
  const std::array<double, 4> mine{100 * (now.cpu_s - first_.cpu_s) / seconds, now.peak_bytes,
                                   now.read_bytes - first_.read_bytes, now.written_bytes - first_.written_bytes};
  const auto all = gathered(world, mine);
  const auto range = [&](std::size_t i, const std::function<std::string(double)>& text) {
    const auto [least, most] =
        std::minmax_element(all.begin(), all.end(), [i](const auto& a, const auto& b) { return a[i] < b[i]; });
    const std::string low = text((*least)[i]), high = text((*most)[i]);
    return low == high ? low : cat(low, " to ", high);
  };
  const auto bytes = [](double value) { return human_bytes(static_cast<std::uint64_t>(value)); };
  return cat("a rank used ", range(0, [](double p) { return fixed(p, 0); }), " % of a core, ", range(1, bytes),
             " of memory at most, read ", range(2, bytes), " from and wrote ", range(3, bytes), " to storage");
}

}  // namespace dltonic::train
