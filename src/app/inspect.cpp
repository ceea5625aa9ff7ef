#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "app/inspect_recording.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/events/idx.h"
#include "dltonic/store/checkpoint_store.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/frame_file.h"
#include "dltonic/store/hdf5_info.h"

namespace dltonic::app {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(DType type) {
  switch (type) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i32:
      return "int32";
    case DType::i64:
      return "int64";
    case DType::u8:
      return "uint8";
  }
  return "?";
}

Json count_splits(const std::vector<store::RecordingInfo>& recordings) {
  std::size_t train = 0, test = 0, none = 0;
  for (const auto& r : recordings) ++(r.split == events::Split::train ? train : r.split == events::Split::test ? test : none);
  return {{"train", train}, {"test", test}, {"none", none}};
}

Json inspect_events(const store::EventFileReader& file) {
  return {{"kind", "events"},
          {"recordings", file.recordings().size()},
          {"events", file.events()},
          {"classes", file.info().classes},
          {"sensor", {file.info().width, file.info().height}},
          {"splits", count_splits(file.recordings())},
          {"key", file.key()},
          {"settings", Json::parse(file.info().settings, nullptr, false)}};
}

Json inspect_frames(const store::FrameFileReader& file) {
  const auto& info = file.info();
  std::uint64_t set = 0;
  BitMatrix rows;
  for (std::size_t first = 0; first < file.samples(); first += 4096) {
    file.read_rows(first, std::min<std::size_t>(4096, file.samples() - first), rows);
    for (std::size_t row = 0; row < rows.rows(); ++row)
      each_set(rows.row(row), static_cast<unsigned>(info.depth), [&](std::size_t) { ++set; });
  }
  const double all = static_cast<double>(file.samples()) * static_cast<double>(info.features());
  return {{"kind", "frames"},
          {"samples", file.samples()},
          {"recordings", info.recordings.size()},
          {"shape", {info.channels, info.height, info.width}},
          {"dtype", info.depth == 1 ? "bits" : "float16"},
          {info.depth == 1 ? "bits_set" : "not_zero", all > 0 ? static_cast<double>(set) / all : 0.0},
          {"classes", info.classes},
          {"splits", count_splits(info.recordings)},
          {"key", file.key()},
          {"settings", Json::parse(info.settings, nullptr, false)}};
}

Json inspect_checkpoint(const std::filesystem::path& path) {
  const std::string fault = store::CheckpointStore::verify(path);
  Json out{{"kind", "checkpoint"}, {"good", fault.empty()}};
  if (!fault.empty()) out["fault"] = fault;
  for (const std::string part : {"progress", "metrics", "versions", "fit"}) {
    const std::string text = store::CheckpointStore::part(path, part);
    if (!text.empty()) out[part] = Json::parse(text, nullptr, false);
  }
  Json tensors;
  for (const TensorView& tensor : store::CheckpointStore::tensors(path)) {
    Json shape = tensor.shape;
    tensors[tensor.name] = std::string(name_of(tensor.type)) + " " + shape.dump();
  }
  out["tensors"] = tensors;
  return out;
}

Json inspect_idx(const std::filesystem::path& path) {
  if (path.filename().string().find("labels") != std::string::npos) {
    return {{"kind", "IDX labels"}, {"count", events::read_idx_labels(path).size()}};
  }
  const auto images = events::read_idx_images(path);
  return {{"kind", "IDX images"}, {"count", images.count}, {"size", {images.width, images.height}}};
}

Json inspect_events(const std::filesystem::path& path, const InspectOptions& options) {
  const store::EventFileReader file(path);
  Json out = inspect_events(file);
  if (!options.wants_recording()) return out;
  if (options.recording >= file.recordings().size())
    throw DataError(cat(path.string(), " holds ", file.recordings().size(), " recordings: there is no number ",
                        options.recording, " (the first is 0)"));
  events::Recording recording;
  file.read(options.recording, recording);
  Json facts{{"source", recording.source}, {"class", file.info().classes.at(recording.label)}};
  add_facts(recording, facts);
  out["recording"] = facts;
  write_recording(recording, cat(path.stem().string(), "-", options.recording), options, out);
  return out;
}

Json inspect_hdf5(const std::filesystem::path& path, const InspectOptions& options) {
  try {
    return inspect_frames(store::FrameFileReader(path));
  } catch (const DataError& not_frames) {
    try {
      return inspect_events(path, options);
    } catch (const DataError& not_events) {
      throw DataError(
          cat(path.string(), " holds neither frames (", not_frames.what(), ") nor events (", not_events.what(), ")"));
    }
  }
}

Json inspect_path(const std::filesystem::path& path, const InspectOptions& options) {
  if (!std::filesystem::exists(path)) throw DataError(path.string() + ": no such file");
  if (std::filesystem::is_directory(path)) {
    if (std::filesystem::exists(path / "manifest.json")) return inspect_checkpoint(path);
    throw DataError(path.string() + " is a folder, but no checkpoint (it holds no manifest.json)");
  }
  if (path.extension() == ".h5" || path.extension() == ".part") return inspect_hdf5(path, options);
  if (path.filename().string().find("ubyte") != std::string::npos) return inspect_idx(path);
  Json out;
  const events::Recording recording = read_recording(path, options.decode, out);
  add_facts(recording, out);
  if (options.wants_recording()) write_recording(recording, path.stem().string(), options, out);
  return out;
}

int inspect(comm::World& world, const std::string& file, const InspectOptions& options, bool as_json) {
  world.agree("inspect", [&] {
    if (!world.is_root()) return;
    Json out = inspect_path(file, options);
    out["file"] = file;
    std::cout << (as_json ? out.dump() : out.dump(2)) << std::endl;
  });
  return kExitDone;
}

}  // namespace

void add_inspect(CLI::App& cli, Run& run) {
  auto* command =
      cli.add_subcommand("inspect", "print what a recording, events, frames, checkpoint or image file holds; draw a recording");
  auto file = std::make_shared<std::string>();
  auto options = std::make_shared<InspectOptions>();
  auto convention = std::make_shared<std::string>("spikingjelly");
  auto as_json = std::make_shared<bool>(false);
  command->add_option("file", *file, "the file (recordings of any format, .h5, IDX), or a checkpoint's folder")->required();
  command->add_option("--draw", options->draw,
                      "folder for pictures of a recording: slices of time as PNG and GIF, its cloud of events");
  command->add_option("--slices", options->slices, "slices of time")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--dsec", options->dsec, "write the recording to this HDF5 file, in the layout of the DSEC data set");
  command->add_option("--recording", options->recording, "which recording of an events file, from 0")->capture_default_str();
  command->add_option("--aedat2", *convention, "coordinates of AEDAT 2.0: spikingjelly (upright) or raw")
      ->capture_default_str();
  command->add_flag("--json", *as_json, "print one JSON object on one line");
  command->callback([=, &run] {
    run = [=](comm::World& world) {
      options->decode.aedat2 = events::aedat2_convention_from(*convention);
      return inspect(world, *file, *options, *as_json);
    };
  });
}

}  // namespace dltonic::app
