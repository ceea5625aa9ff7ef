#include <stdexcept>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/settings.h"
#include "store/event_schema.h"
#include "store/recording_table.h"

namespace dltonic::store {

struct EventFileReader::Impl {
  explicit Impl(const std::filesystem::path& path) : file(path, "run prepare again") {}

  h5::Handle open_column(const char* name) {
    h5::Handle handle = file.dataset(name);
    const auto extent = file.extent(handle, name);
    if (extent.size() != 1 || extent[0] != events) file.damaged(cat(name, " does not hold ", events, " events"));
    return handle;
  }

  h5::ReadFile file;
  EventFileInfo info;
  std::string key;
  std::vector<RecordingInfo> recordings;
  std::uint64_t events = 0;
  h5::Handle x, y, t, p;
};

EventFileReader::EventFileReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {
  Impl& r = *impl_;
  r.file.expect_schema(kEventSchema, kEventVersion);
  r.info.width = static_cast<std::uint16_t>(r.file.number_attribute("width"));
  r.info.height = static_cast<std::uint16_t>(r.file.number_attribute("height"));
  r.info.orientation = r.file.text_attribute("orientation");
  r.info.source_hash = r.file.text_attribute("source_hash");
  r.info.settings = r.file.text_attribute("settings");
  r.key = r.file.text_attribute("key");
  if (r.key != settings_key(r.info.settings)) r.file.damaged("its key is not that of its settings");
  r.info.classes = r.file.strings("/classes");
  r.recordings = read_recordings(r.file, true);
  if (!r.recordings.empty()) r.events = r.recordings.back().first_event + r.recordings.back().events;
  r.x = r.open_column("/events/x");
  r.y = r.open_column("/events/y");
  r.t = r.open_column("/events/t");
  r.p = r.open_column("/events/p");
}

EventFileReader::~EventFileReader() = default;
EventFileReader::EventFileReader(EventFileReader&&) noexcept = default;
EventFileReader& EventFileReader::operator=(EventFileReader&&) noexcept = default;
const EventFileInfo& EventFileReader::info() const { return impl_->info; }
const std::string& EventFileReader::key() const { return impl_->key; }
const std::vector<RecordingInfo>& EventFileReader::recordings() const { return impl_->recordings; }
std::uint64_t EventFileReader::events() const { return impl_->events; }

void EventFileReader::read(std::size_t i, events::Recording& out) const {
  const Impl& r = *impl_;
  const RecordingInfo& info = r.recordings.at(i);
  out.label = info.label;
  out.width = info.width;
  out.height = info.height;
  out.t_offset = info.t_offset;
  out.duration = info.duration;
  out.split = info.split;
  out.subject = info.subject;
  out.source = info.source;
  out.events.resize(info.events);
  r.file.read_slab(r.x, "/events/x", H5T_NATIVE_UINT16, info.first_event, info.events, out.events.x.data());
  r.file.read_slab(r.y, "/events/y", H5T_NATIVE_UINT16, info.first_event, info.events, out.events.y.data());
  r.file.read_slab(r.t, "/events/t", H5T_NATIVE_UINT32, info.first_event, info.events, out.events.t.data());
  r.file.read_slab(r.p, "/events/p", H5T_NATIVE_UINT8, info.first_event, info.events, out.events.p.data());
}

std::vector<events::Recording> EventFileReader::read(std::size_t first, std::size_t count) const {
  std::vector<events::Recording> recordings(count);
  for (std::size_t i = 0; i < count; ++i) read(first + i, recordings[i]);
  return recordings;
}

void EventFileReader::expect_settings(const std::string& settings) const {
  const auto differences = settings_difference(impl_->info.settings, settings);
  if (!differences.empty())
    throw DataError(
        cat(impl_->file.path().string(), " was made by other settings: ", join(differences, "; "), "; run prepare again"));
}

}  // namespace dltonic::store
