// Fits the saccade simulator to real N-MNIST training recordings of known MNIST images, by coordinate descent, and prints
// the fitted options and what is left between real and simulated recordings. Test recordings are never read.
//
//   calibrate_simulator NMNIST_ROOT MNIST_ROOT [ROUNDS]
//
// NMNIST_ROOT holds Train/<label>/*.bin and mnist_index.csv (file, index of the MNIST training image). Every fourth recording
// is fitted, the others give the residuals. ROUNDS 0 (the default is 30) prints the residuals of the current defaults.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "dltonic/core/clock.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/events/decoder.h"
#include "recording_maps.h"

namespace {

using namespace dltonic;
using namespace dltonic::calibration;

std::vector<Pair> read_pairs(const std::string& root) {
  std::vector<Pair> pairs;
  std::istringstream lines(read_text(root + "/mnist_index.csv"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("Train/")) continue;
    const std::size_t comma = line.find(',');
    Pair pair;
    pair.name = line.substr(0, comma);
    pair.label = pair.name[6] - '0';
    pair.image = static_cast<std::uint32_t>(std::stoul(line.substr(comma + 1)));
    events::Recording recording;
    events::decode(events::Format::atis, read_file(root + "/" + pair.name), {}, recording);
    pair.real = std::move(recording.events);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

/// One number of the options that the fit may change. The spread of thresholds and the jitter are not among them: they move
/// events of a recording at random, and an objective that compares places pair by pair always wants less of that.
struct Parameter {
  std::string name;
  double* value;
  double step, least, most;
};

std::vector<Parameter> parameters_of(events::SimulatorOptions& o) {
  std::vector<Parameter> parameters{{"threshold_on", &o.threshold_on, 0.1, 0.05, 5},
                                    {"threshold_off", &o.threshold_off, 0.1, 0.05, 5},
                                    {"log_floor", &o.log_floor, 0.05, 0.01, 1},
                                    {"blur_px", &o.blur_px, 0.2, 0, 2},
                                    {"lowpass_us", &o.lowpass_us, 1500, 0, 30000},
                                    {"refractory_us", &o.refractory_us, 1000, 0, 30000},
                                    {"noise_hz", &o.noise_hz, 0.1, 0, 5},
                                    {"noise_on_share", &o.noise_on_share, 0.1, 0, 1}};
  for (std::size_t i = 0; i < o.path_x.size(); ++i) {
    parameters.push_back({"path_x[" + std::to_string(i) + "]", &o.path_x[i], 0.3, -4, 12});
    parameters.push_back({"path_y[" + std::to_string(i) + "]", &o.path_y[i], 0.3, -4, 12});
  }
  return parameters;
}

/// Coordinate descent: a step that helps is kept and grows, one that helps in neither direction shrinks. Common random
/// numbers (draws are keyed by the image) make the objective a fixed function.
void fit(events::SimulatorOptions& options, const Objective& objective, int rounds) {
  std::vector<Parameter> parameters = parameters_of(options);
  double best = objective(options);
  Stopwatch watch;
  std::printf("start: objective %.4f\n", best);
  for (int round = 1; round <= rounds; ++round) {
    for (Parameter& parameter : parameters) {
      const double before = *parameter.value;
      bool better = false;
      for (const double direction : {1.0, -1.0}) {
        const double candidate = std::clamp(before + direction * parameter.step, parameter.least, parameter.most);
        if (candidate == before) continue;
        *parameter.value = candidate;
        const double loss = objective(options);
        if (loss < best) {
          best = loss;
          better = true;
          if (direction < 0) parameter.step = -parameter.step;  // try this way first the next time
          break;
        }
        *parameter.value = before;
      }
      parameter.step *= better ? 1.3 : 0.5;
    }
    std::printf("round %d: objective %.4f, %.0f s\n", round, best, watch.seconds());
    std::fflush(stdout);
  }
}

void print_options(const events::SimulatorOptions& o) {
  std::printf("\nfitted values (section data.simulator):\n");
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, double>>{{"threshold_on", o.threshold_on},
                                                                                         {"threshold_off", o.threshold_off},
                                                                                         {"threshold_sd", o.threshold_sd},
                                                                                         {"log_floor", o.log_floor},
                                                                                         {"blur_px", o.blur_px},
                                                                                         {"lowpass_us", o.lowpass_us},
                                                                                         {"jitter_us", o.jitter_us},
                                                                                         {"refractory_us", o.refractory_us},
                                                                                         {"noise_hz", o.noise_hz},
                                                                                         {"noise_on_share", o.noise_on_share},
                                                                                         {"knot_us", o.knot_us}}) {
    std::printf("  %s: %.4g\n", name, value);
  }
  for (const auto& [name, list] : {std::pair{"path_x", &o.path_x}, {"path_y", &o.path_y}}) {
    std::printf("  %s: [", name);
    for (std::size_t i = 0; i < list->size(); ++i) std::printf("%s%.2f", i == 0 ? "" : ", ", (*list)[i]);
    std::printf("]\n");
  }
}

void print_residuals(const events::SimulatorOptions& options, const std::vector<Pair>& pairs, const events::IdxImages& images) {
  const events::Simulator simulator(options, images.width, images.height, kSide, kSide);
  FrameStatistics real, simulated;
  events::Events recording;
  double absolute = 0;
  for (const Pair& pair : pairs) {
    const auto image = images.image(pair.image);
    double mass = 0, x = 0, y = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
      mass += image[i];
      x += image[i] * static_cast<double>(i % static_cast<std::size_t>(images.width));
      y += image[i] * static_cast<double>(i / static_cast<std::size_t>(images.width));
    }
    simulator.simulate(image, pair.image, recording);
    real.add(pair.real, pair.label, x / mass, y / mass);
    simulated.add(recording, pair.label, x / mass, y / mass);
    absolute += std::abs(static_cast<double>(recording.size()) - static_cast<double>(pair.real.size()));
  }
  const double n = real.recordings;
  std::printf("\nresiduals on %.0f training recordings that were not fitted (real | simulated)\n", n);
  std::printf("events a recording: %.0f | %.0f, mean absolute difference of a pair %.0f\n", real.events / n,
              simulated.events / n, absolute / n);
  std::printf("share of ON events: %.3f | %.3f\n", real.on / real.events, simulated.on / simulated.events);
  std::printf("first event, last event (ms): %.1f, %.1f | %.1f, %.1f\n", real.first_us / n / 1e3, real.last_us / n / 1e3,
              simulated.first_us / n / 1e3, simulated.last_us / n / 1e3);
  std::printf("\nclass  events a recording\n");
  for (std::size_t c = 0; c < 10; ++c)
    std::printf("%5zu  %6.0f | %6.0f\n", c, real.class_events[c] / real.class_recordings[c],
                simulated.class_events[c] / simulated.class_recordings[c]);
  std::printf("\nevents a recording by 15 ms\n");
  for (std::size_t b = 0; b < kBins; ++b)
    std::printf("%5zu ms  %6.1f | %6.1f\n", b * 15, real.profile[b] / n, simulated.profile[b] / n);
  std::printf(
      "\nbits of 10 time bins: bits a recording, their mean place relative to the image's centre of mass, their spread "
      "(pixels)\n");
  std::printf("bin pol    bits           x               y            sd x            sd y\n");
  for (std::size_t channel = 0; channel < 20; ++channel) {
    const auto row = [channel](const FrameStatistics& s) {
      const double bits = s.bits[channel], x = s.sum_x[channel] / bits, y = s.sum_y[channel] / bits;
      return std::array<double, 5>{bits / s.recordings, x, y, std::sqrt(s.sum_xx[channel] / bits - x * x),
                                   std::sqrt(s.sum_yy[channel] / bits - y * y)};
    };
    const auto a = row(real), b = row(simulated);
    std::printf("%3zu %-3s  %5.1f | %5.1f  %5.2f | %5.2f  %5.2f | %5.2f  %5.2f | %5.2f  %5.2f | %5.2f\n", channel / 2,
                channel % 2 == 0 ? "OFF" : "ON", a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3], a[4], b[4]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: calibrate_simulator NMNIST_ROOT MNIST_ROOT [ROUNDS]\n");
    return kExitWrongInput;
  }
  try {
    const int rounds = argc == 4 ? std::stoi(argv[3]) : 30;
    const std::vector<Pair> pairs = read_pairs(argv[1]);
    const events::IdxImages images = events::read_image_set(argv[2], events::Split::train).images;
    std::vector<Pair> fitted, held_out;
    for (std::size_t i = 0; i < pairs.size(); ++i) (i % 4 == 0 ? fitted : held_out).push_back(pairs[i]);
    events::SimulatorOptions options;
    const Objective objective(fitted, images);
    fit(options, objective, rounds);
    print_options(options);
    print_residuals(options, held_out, images);
    const Objective check(held_out, images);
    std::printf("\nobjective: fitted recordings %.4f, others %.4f\n", objective(options), check(options));
    return kExitDone;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "calibrate_simulator: %s\n", error.what());
    return kExitFailure;
  }
}
