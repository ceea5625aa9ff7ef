#include "sample_recordings.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "dltonic/core/file.h"
#include "dltonic/core/random.h"
#include "dltonic/events/atis.h"
#include "dltonic/events/decoder.h"
#include "dltonic/events/simulator.h"
#include "dltonic/events/source.h"

namespace dltonic::benchmarks {
namespace {
constexpr std::uint32_t kRecordings = 512;
}

std::vector<std::uint8_t> stroke_image(std::uint32_t index) {
  Random random(1, Use::test, index);
  std::vector<std::uint8_t> image(kImage * kImage, 0);
  const double a = 4 + 4 * random.uniform_double(), b = 5 + 4 * random.uniform_double(), turn = 6.28 * random.uniform_double();
  for (double s = 0; s < 5.0; s += 0.05) {
    const double cx = 14 + a * std::sin(s + turn), cy = 14 + b * std::cos(1.3 * s);
    for (int y = 0; y < kImage; ++y) {
      for (int x = 0; x < kImage; ++x) {
        const double light = 255 * std::clamp(1.9 - std::hypot(x - cx, y - cy), 0.0, 1.0);
        std::uint8_t& pixel = image[static_cast<std::size_t>(y * kImage + x)];
        pixel = std::max(pixel, static_cast<std::uint8_t>(light));
      }
    }
  }
  return image;
}

const std::vector<std::vector<std::byte>>& recording_files() {
  static const auto made = [] {
    std::vector<std::vector<std::byte>> files;
    const std::filesystem::path real = std::filesystem::path(DLTONIC_TEST_DATA) / "nmnist" / "Train";
    if (std::string(DLTONIC_TEST_DATA).empty() || !std::filesystem::is_directory(real)) {
      const events::Simulator simulator({}, kImage, kImage, kSensor, kSensor);
      events::Events events;
      for (std::uint32_t i = 0; i < kRecordings; ++i) {
        simulator.simulate(stroke_image(i), i, events);
        files.push_back(events::encode_atis(events));
      }
      return files;
    }
    events::SourceOptions options;
    options.root = real.parent_path().string();
    const auto source = events::make_source(options);
    for (std::size_t i = 0; i < kRecordings && i < source->size(); ++i)
      files.push_back(read_file(real.parent_path() / source->item(i).name));
    return files;
  }();
  return made;
}

const std::vector<events::Events>& recordings() {
  static const auto decoded = [] {
    std::vector<events::Events> all(recording_files().size());
    events::Recording recording;
    for (std::size_t i = 0; i < all.size(); ++i) {
      events::decode(events::Format::atis, recording_files()[i], {}, recording);
      all[i] = recording.events;
    }
    return all;
  }();
  return decoded;
}

std::size_t all_events() {
  std::size_t bytes = 0;
  for (const auto& file : recording_files()) bytes += file.size();
  return bytes / 5;
}

}  // namespace dltonic::benchmarks
