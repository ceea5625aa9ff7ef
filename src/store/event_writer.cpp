#include <algorithm>

#include "dltonic/core/error.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/settings.h"
#include "store/event_schema.h"
#include "store/recording_table.h"

namespace dltonic::store {
namespace {
constexpr std::uint64_t kBytesAnEvent = 2 + 2 + 4 + 1;
constexpr std::uint64_t kBytesARecording = 29;  ///< in /recordings, without its source
}  // namespace

struct EventFileWriter::Impl {
  Impl(comm::World& world, const std::filesystem::path& path) : file(world, path) {}

  template <class T>
  ParallelFile::Dataset create(const char* name, const EventFileOptions& options) {
    return file.create(name, h5::file_type<T>(), {0},
                       {.chunk_rows = std::max<hsize_t>(1, options.chunk_bytes / sizeof(T)), .gzip = options.gzip});
  }

  /// One column of all events of this rank's block, behind the events that are there.
  template <class T>
  void append_column(ParallelFile::Dataset dataset, std::span<const events::Recording> mine,
                     const std::vector<T> events::Events::*column, comm::World::Offset offset) {
    std::vector<T> values;
    for (const auto& recording : mine)
      values.insert(values.end(), (recording.events.*column).begin(), (recording.events.*column).end());
    file.extend(dataset, events + offset.total);
    file.write(dataset, h5::memory_type<T>(), events + offset.before, values.size(), values.data());
  }

  ParallelFile file;
  ParallelFile::Dataset x = 0, y = 0, t = 0, p = 0;
  std::uint64_t recordings = 0, events = 0;  ///< so far, of all ranks
  std::vector<std::byte> rows;               ///< table rows of this rank's recordings
};

EventFileWriter::EventFileWriter(comm::World& world, const std::filesystem::path& path, const EventFileInfo& info,
                                 const EventFileOptions& options)
    : impl_(std::make_unique<Impl>(world, path)) {
  ParallelFile& file = impl_->file;
  file.text_attribute("schema", kEventSchema);
  file.number_attribute("version", kEventVersion);
  file.number_attribute("width", info.width);
  file.number_attribute("height", info.height);
  file.text_attribute("time_unit", "us");
  file.text_attribute("orientation", info.orientation);
  file.text_attribute("source_hash", info.source_hash);
  file.text_attribute("settings", info.settings);
  file.text_attribute("key", settings_key(info.settings));
  file.write_strings("/classes", info.classes);
  file.claim(4 * options.chunk_bytes);  // each column's last chunk is allocated whole
  impl_->x = impl_->create<std::uint16_t>("/events/x", options);
  impl_->y = impl_->create<std::uint16_t>("/events/y", options);
  impl_->t = impl_->create<std::uint32_t>("/events/t", options);
  impl_->p = impl_->create<std::uint8_t>("/events/p", options);
}

EventFileWriter::~EventFileWriter() = default;
std::uint64_t EventFileWriter::recordings() const { return impl_->recordings; }
std::uint64_t EventFileWriter::events() const { return impl_->events; }

void EventFileWriter::append(std::span<const events::Recording> mine) {
  Impl& w = *impl_;
  comm::World& world = w.file.world();
  std::uint64_t my_events = 0;
  world.agree("writing " + w.file.path().string(), [&] {
    for (const auto& recording : mine) {
      const auto& e = recording.events;
      if (e.x.size() != e.size() || e.y.size() != e.size() || e.p.size() != e.size()) {
        throw DataError(cat(recording.source, ": columns of ", e.x.size(), ", ", e.y.size(), ", ", e.size(), " and ",
                            e.p.size(), " events (x, y, t, p)"));
      }
      my_events += e.size();
    }
  });
  const auto recordings = world.offset(mine.size()), events = world.offset(my_events);
  w.file.claim(events.total * kBytesAnEvent);

  std::uint64_t index = w.recordings + recordings.before, first_event = w.events + events.before;
  for (const auto& r : mine) {
    append_row(
        w.rows, index++,
        {first_event, r.events.size(), r.label, r.width, r.height, r.t_offset, r.duration, r.split, r.subject, r.source});
    first_event += r.events.size();
  }
  w.append_column(w.x, mine, &events::Events::x, events);
  w.append_column(w.y, mine, &events::Events::y, events);
  w.append_column(w.t, mine, &events::Events::t, events);
  w.append_column(w.p, mine, &events::Events::p, events);
  w.recordings += recordings.total;
  w.events += events.total;
}

void EventFileWriter::finish() {
  Impl& w = *impl_;
  const auto table = rows_in_order(w.file.world().gather_bytes(w.rows), w.recordings);
  std::size_t longest = 0;
  for (const auto& row : table) longest = std::max(longest, row.source.size());
  w.file.claim(table.size() * (kBytesARecording + longest));
  write_recordings(w.file, table, true);
  w.file.commit();
}

}  // namespace dltonic::store
