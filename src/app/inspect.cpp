#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/command.h"
#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/text.h"
#include "dltonic/events/atis.h"
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
    set += rows.count();
  }
  const double bits = static_cast<double>(file.samples()) * static_cast<double>(info.features());
  return {{"kind", "frames"},
          {"samples", file.samples()},
          {"recordings", info.recordings.size()},
          {"shape", {info.channels, info.height, info.width}},
          {"bits_set", bits > 0 ? static_cast<double>(set) / bits : 0.0},
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

Json inspect_atis(const std::filesystem::path& path) {
  events::Events events;
  const auto report = events::decode_atis(read_file(path), events);
  Json out{{"kind", "recording (ATIS, 5 bytes an event)"},
           {"events", events.size()},
           {"overflow_rows", report.overflow_rows},
           {"back_steps", report.back_steps}};
  if (events.empty()) return out;
  out["x"] = {*std::min_element(events.x.begin(), events.x.end()), *std::max_element(events.x.begin(), events.x.end())};
  out["y"] = {*std::min_element(events.y.begin(), events.y.end()), *std::max_element(events.y.begin(), events.y.end())};
  out["t_us"] = {events.t.front(), events.t.back()};
  const auto on = std::count(events.p.begin(), events.p.end(), 1);
  out["on_share"] = static_cast<double>(on) / static_cast<double>(events.size());
  return out;
}

Json inspect_idx(const std::filesystem::path& path) {
  if (path.filename().string().find("labels") != std::string::npos) {
    return {{"kind", "IDX labels"}, {"count", events::read_idx_labels(path).size()}};
  }
  const auto images = events::read_idx_images(path);
  return {{"kind", "IDX images"}, {"count", images.count}, {"size", {images.width, images.height}}};
}

Json inspect_hdf5(const std::filesystem::path& path) {
  try {
    return inspect_frames(store::FrameFileReader(path));
  } catch (const DataError& not_frames) {
    try {
      return inspect_events(store::EventFileReader(path));
    } catch (const DataError& not_events) {
      throw DataError(
          cat(path.string(), " holds neither frames (", not_frames.what(), ") nor events (", not_events.what(), ")"));
    }
  }
}

Json inspect_path(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw DataError(path.string() + ": no such file");
  if (std::filesystem::is_directory(path)) {
    if (std::filesystem::exists(path / "manifest.json")) return inspect_checkpoint(path);
    throw DataError(path.string() + " is a folder, but no checkpoint (it holds no manifest.json)");
  }
  if (path.extension() == ".h5" || path.extension() == ".part") return inspect_hdf5(path);
  if (path.extension() == ".bin" || path.extension() == ".bs2") return inspect_atis(path);
  if (path.filename().string().find("ubyte") != std::string::npos) return inspect_idx(path);
  throw DataError(path.string() +
                  ": dltonic inspect knows .h5 (events, frames), checkpoint folders, .bin (ATIS) and IDX files");
}

int inspect(comm::World& world, const std::string& file, bool as_json) {
  world.agree("inspect", [&] {
    if (!world.is_root()) return;
    Json out = inspect_path(file);
    out["file"] = file;
    std::cout << (as_json ? out.dump() : out.dump(2)) << std::endl;
  });
  return kExitDone;
}

}  // namespace

void add_inspect(CLI::App& cli, Run& run) {
  auto* command = cli.add_subcommand("inspect", "print what an events, frames, checkpoint or raw file holds");
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  command->add_option("file", *file, "the file, or a checkpoint's folder")->required();
  command->add_flag("--json", *as_json, "print one JSON object on one line");
  command->callback([=, &run] { run = [=](comm::World& world) { return inspect(world, *file, *as_json); }; });
}

}  // namespace dltonic::app
