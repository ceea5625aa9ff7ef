#include "dltonic/report/event_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace dltonic::report {
namespace {

constexpr int kLevels = 16;
constexpr std::uint8_t kBlack = 255, kRed = 15 * kLevels, kBlue = 15;  // black takes the place of full violet
constexpr int kLine = 1;                                               ///< pixels between the pictures of a sheet

struct Point {
  double x, y;
};

void draw_line(Image& image, Point from, Point to) {
  const int steps = static_cast<int>(std::max({1.0, std::abs(to.x - from.x), std::abs(to.y - from.y)}));
  for (int i = 0; i <= steps; ++i) {
    const double s = static_cast<double>(i) / steps;
    const int x = static_cast<int>(std::lround(from.x + s * (to.x - from.x)));
    const int y = static_cast<int>(std::lround(from.y + s * (to.y - from.y)));
    if (x >= 0 && y >= 0 && x < image.width && y < image.height) image.at(x, y) = kBlack;
  }
}

}  // namespace

const Palette& event_palette() {
  static const Palette palette = [] {
    Palette colours{};
    for (int on = 0; on < kLevels; ++on) {
      for (int off = 0; off < kLevels; ++off) {
        const auto fade = [](int level) { return 255 - 255 * level / (kLevels - 1); };
        const bool both = on > 0 && off > 0;
        const int green = std::min(fade(on), fade(off)), least = both ? 160 : 0;
        colours[static_cast<std::size_t>(on * kLevels + off)] = {static_cast<std::uint8_t>(std::max(fade(off), least)),
                                                                 static_cast<std::uint8_t>(both ? green / 2 : green),
                                                                 static_cast<std::uint8_t>(std::max(fade(on), least))};
      }
    }
    colours[kBlack] = {0, 0, 0};
    return colours;
  }();
  return palette;
}

std::vector<Image> slices_over_time(const events::Events& events, int width, int height, int count) {
  const std::size_t area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::vector<std::array<std::uint32_t, 2>> counts(area * static_cast<std::size_t>(count));
  const std::uint64_t first = events.empty() ? 0 : events.t.front();
  const std::uint64_t duration = events.empty() ? 1 : std::max<std::uint64_t>(1, events.t.back() - first);
  std::uint32_t most = 1;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto bins = static_cast<std::uint64_t>(count);
    const std::uint64_t slice = std::min(bins - 1, bins * (events.t[i] - first) / duration);
    const std::size_t pixel = events.y[i] * static_cast<std::size_t>(width) + events.x[i];
    most = std::max(most, ++counts[slice * area + pixel][events.p[i] != 0]);
  }
  // One event is seen well already; the highest level of both polarities together is black's, and is not used.
  constexpr int kOne = 5, kMost = kLevels - 2;
  const double scale = (kMost - kOne) / std::log2(1.0 + most);
  const auto level = [&](std::uint32_t n) { return n == 0 ? 0 : kOne + static_cast<int>(scale * std::log2(n + 0.0)); };
  std::vector<Image> images;
  for (std::size_t slice = 0; slice < static_cast<std::size_t>(count); ++slice) {
    Image image(width, height);
    for (std::size_t pixel = 0; pixel < area; ++pixel) {
      const auto& [off, on] = counts[slice * area + pixel];
      image.pixels[pixel] = static_cast<std::uint8_t>(level(on) * kLevels + level(off));
    }
    images.push_back(std::move(image));
  }
  return images;
}

Image contact_sheet(const std::vector<Image>& images, int columns) {
  const int count = static_cast<int>(images.size());
  columns = std::clamp(columns, 1, count);
  const int rows = (count + columns - 1) / columns;
  const int width = images.front().width + kLine, height = images.front().height + kLine;
  Image sheet(columns * width + kLine, rows * height + kLine);
  std::fill(sheet.pixels.begin(), sheet.pixels.end(), kBlack);
  Image blank(images.front().width, images.front().height);
  for (int i = 0; i < columns * rows; ++i)
    sheet.paste(i < count ? images[static_cast<std::size_t>(i)] : blank, i % columns * width + kLine,
                i / columns * height + kLine);
  return sheet;
}

std::int64_t tick_for(std::int64_t duration_us) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const std::int64_t step : {power, 2 * power, 5 * power}) {
      if (duration_us / step <= 10) return step;
    }
  }
}

Image event_cloud(const events::Events& events, int width, int height, int image_width, int image_height,
                  std::int64_t tick_us) {
  Image image(image_width, image_height);
  const std::uint32_t first = events.empty() ? 0 : events.t.front();
  const double duration = events.empty() ? 1 : std::max<double>(1, events.t.back() - first);
  // Time goes to the right, the sensor's rows go down, its columns go up and to the right, into the depth.
  const double margin = 12, depth_x = 0.22 * image_width, depth_y = 0.22 * image_height;
  const double along = image_width - 2 * margin - depth_x, down = image_height - 2 * margin - depth_y;
  const auto place = [&](double x, double y, double t) {
    const double s = x / std::max(1, width - 1);
    return Point{margin + along * t + depth_x * s, margin + depth_y * (1 - s) + down * y / std::max(1, height - 1)};
  };
  const double right = width - 1, bottom = height - 1;
  for (const double a : {0.0, 1.0}) {
    for (const double b : {0.0, 1.0}) {
      draw_line(image, place(0, a * bottom, b), place(right, a * bottom, b));
      draw_line(image, place(a * right, 0, b), place(a * right, bottom, b));
      draw_line(image, place(a * right, b * bottom, 0), place(a * right, b * bottom, 1));
    }
  }
  for (std::int64_t t = 0; tick_us > 0 && static_cast<double>(t) <= duration; t += tick_us) {
    const Point at = place(0, bottom, static_cast<double>(t) / duration);
    draw_line(image, at, {at.x, at.y + 6});
  }
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Point at = place(events.x[i], events.y[i], (events.t[i] - first) / duration);
    for (int pixel = 0; pixel < 4; ++pixel)  // 2 × 2, which the margin has room for
      image.at(static_cast<int>(at.x) + pixel % 2, static_cast<int>(at.y) + pixel / 2) = events.p[i] != 0 ? kRed : kBlue;
  }
  return image;
}

}  // namespace dltonic::report
