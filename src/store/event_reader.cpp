#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/settings.h"
#include "store/event_schema.h"
#include "store/recording_table.h"

namespace dltonic::store {

static_assert(std::endian::native == std::endian::little, "events lie on the disk as numbers of a little-endian machine");

struct EventFileReader::Impl {
  explicit Impl(const std::filesystem::path& path) : file(path, "run prepare again") {}

  ~Impl() {
    if (fd >= 0) ::close(fd);
  }

  /// One column of all events.
  struct Column {
    const char* name = nullptr;
    h5::Handle handle{};
    std::uint64_t at = 0;  ///< byte in the file, where it is contiguous
  };
  template <class T>
  void open(Column& column, const char* name) {
    column.name = name;
    column.handle = file.dataset(name);
    const auto extent = file.extent(column.handle, name);
    if (extent.size() != 1 || extent[0] != events) file.damaged(cat(name, " does not hold ", events, " events"));
    const haddr_t at = H5Dget_offset(column.handle.get());
    const h5::Handle type(H5Dget_type(column.handle.get()), H5Tclose);
    contiguous = contiguous && (at != HADDR_UNDEF || events == 0) && H5Tequal(type.get(), h5::file_type<T>()) > 0;
    column.at = events == 0 ? 0 : at;
  }

  template <class T>
  void read(const Column& column, const RecordingInfo& row, std::vector<T>& out) const {
    if (!contiguous) {
      const std::scoped_lock lock(h5::mutex());
      file.read_slab(column.handle, column.name, h5::memory_type<T>(), row.first_event, row.events, out.data());
      return;
    }
    auto* const bytes = reinterpret_cast<char*>(out.data());
    const std::size_t wanted = out.size() * sizeof(T);
    const std::uint64_t at = column.at + row.first_event * sizeof(T);
    for (std::size_t done = 0; done < wanted;) {
      const ssize_t got = ::pread(fd, bytes + done, wanted - done, static_cast<off_t>(at + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw StorageError(cat("cannot read ", file.path().string(), ": ", std::strerror(errno)));
      if (got == 0) file.damaged(cat("it has ", std::filesystem::file_size(file.path()), " bytes, ", at + wanted, " expected"));
      done += static_cast<std::size_t>(got);
    }
  }

  h5::ReadFile file;
  EventFileInfo info;
  std::string key;
  std::vector<RecordingInfo> recordings;
  std::uint64_t events = 0;
  Column x, y, t, p;
  bool contiguous = true;
  int fd = -1;
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
  if (H5Lexists(r.file.id(), "/skipped", H5P_DEFAULT) > 0) r.info.skipped = r.file.strings("/skipped");
  r.open<std::uint16_t>(r.x, "/events/x");
  r.open<std::uint16_t>(r.y, "/events/y");
  r.open<std::uint32_t>(r.t, "/events/t");
  r.open<std::uint8_t>(r.p, "/events/p");
  r.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (r.fd < 0) throw StorageError(cat("cannot open ", path.string(), ": ", std::strerror(errno)));
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
  r.read(r.x, info, out.events.x);
  r.read(r.y, info, out.events.y);
  r.read(r.t, info, out.events.t);
  r.read(r.p, info, out.events.p);
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
