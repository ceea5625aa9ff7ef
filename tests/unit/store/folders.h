/// Folders of tests, and checkpoints whose state is any bytes: what copies files does not look inside.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "dltonic/core/checksum.h"
#include "dltonic/core/file.h"
#include "store/manifest.h"

namespace dltonic::test {

/// An empty folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "dltonic-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void put(const std::filesystem::path& file, const std::string& content) {
  make_directories(file.parent_path());
  write_file_atomic(file, content);
}

/// Bytes that are the same nowhere.
inline std::string noise(std::size_t bytes, unsigned seed = 1) {
  std::string text(bytes, '\0');
  for (char& c : text) {
    seed = seed * 1664525 + 1013904223;
    c = static_cast<char>(seed >> 24);
  }
  return text;
}

inline std::string checkpoint_name(int step) { return "step-" + std::to_string(step) + "_20261122T220657Z"; }

/// `<checkpoints>/step-<step>_20261122T220657Z`, which appears whole; returns its path.
inline std::filesystem::path make_checkpoint(const std::filesystem::path& checkpoints, int step, std::size_t bytes = 100000) {
  const auto folder = checkpoints / (checkpoint_name(step) + ".part");
  const std::string state = noise(bytes, static_cast<unsigned>(step));
  put(folder / store::kStateFile, state);
  store::Manifest manifest;
  manifest.step = step;
  manifest.time = "20261122T220657Z";
  manifest.state_bytes = state.size();
  manifest.state_checksum = checksum(state);
  manifest.parts = {{"metrics", {{"loss", 1.0 / step}}}};
  put(folder / store::kManifestFile, store::manifest_text(manifest));
  rename_durably(folder, checkpoints / checkpoint_name(step));
  return checkpoints / checkpoint_name(step);
}

inline bool wait_until(const std::function<bool()>& is_so, double limit_s = 60) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit_s);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace dltonic::test
