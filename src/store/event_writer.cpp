#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

#include "dltonic/core/error.h"
#include "dltonic/core/file.h"
#include "dltonic/core/log.h"
#include "dltonic/core/text.h"
#include "dltonic/store/event_file.h"
#include "dltonic/store/settings.h"
#include "store/event_schema.h"
#include "store/part_file.h"
#include "store/recording_table.h"
#include "store/written_marks.h"

namespace dltonic::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBytesAnEvent = 2 + 2 + 4 + 1;
constexpr std::uint64_t kBytesARecording = 29;  ///< in /recordings, without its source
constexpr const char *kFile = "events.h5", *kMarks = "written";

/// The whole file but for the events themselves. collective
void make_skeleton(comm::World& world, const fs::path& path, const EventFileInfo& info, const std::vector<RecordingInfo>& table,
                   std::uint64_t events) {
  ParallelFile file(world, path);
  std::size_t longest = 0;
  for (const auto& row : table) longest = std::max(longest, row.source.size());
  file.claim(events * kBytesAnEvent + table.size() * (kBytesARecording + longest));
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
  file.write_strings("/skipped", info.skipped);
  write_recordings(file, table, true);
  file.create("/events/x", h5::file_type<std::uint16_t>(), {events});
  file.create("/events/y", h5::file_type<std::uint16_t>(), {events});
  file.create("/events/t", h5::file_type<std::uint32_t>(), {events});
  file.create("/events/p", h5::file_type<std::uint8_t>(), {events});
  file.commit();
}

}  // namespace

struct EventFileWriter::Impl {
  Impl(comm::World& w, const fs::path& final_path, const fs::path& part_folder)
      : world(w), path(final_path), folder(part_folder) {}
  ~Impl() {
    if (fd >= 0) ::close(fd);
    marks.reset();
    if (over || !world.is_root()) return;
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }

  /// Every rank, alone.
  void open() {
    const fs::path file = folder / kFile;
    {
      const EventFileReader reader(file);
      info = reader.info();
      table = reader.recordings();
      events = reader.events();
    }
    const h5::ReadFile h5file(file, "run prepare again");
    const auto offset = [&](const char* name) -> std::uint64_t {
      if (events == 0) return 0;
      const haddr_t at = H5Dget_offset(h5file.dataset(name).get());
      if (at == HADDR_UNDEF) h5file.damaged(cat(name, " is not contiguous"));
      return at;
    };
    x_at = offset("/events/x");
    y_at = offset("/events/y");
    t_at = offset("/events/t");
    p_at = offset("/events/p");
    fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) throw StorageError(cat("cannot open ", file.string(), ": ", std::strerror(errno)));
    marks.emplace(folder / kMarks, table.size());
  }

  template <class T>
  void put(const std::vector<T>& values, std::uint64_t column, std::uint64_t first) const {
    write_at(fd, folder / kFile, values.data(), values.size() * sizeof(T), column + first * sizeof(T));
  }

  comm::World& world;
  fs::path path, folder;
  EventFileInfo info;
  std::vector<RecordingInfo> table;
  std::uint64_t events = 0, x_at = 0, y_at = 0, t_at = 0, p_at = 0;
  int fd = -1;
  std::optional<WrittenMarks> marks;
  std::vector<std::uint8_t> was_written;  ///< [recording]
  std::atomic<std::uint64_t> written{0};  ///< by this rank
  bool over = false;                      ///< finished, or left for another job
};

EventFileWriter::EventFileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventFileWriter::EventFileWriter(comm::World& world, const fs::path& path, const EventFileInfo& info,
                                 std::vector<RecordingInfo> table) {
  const fs::path folder = world.broadcast(part_file(path).string());
  impl_ = std::make_unique<Impl>(world, path, folder);
  Impl& w = *impl_;
  std::uint64_t events = 0;
  for (RecordingInfo& row : table) {
    row.first_event = events;
    events += row.events;
  }
  world.agree("creating " + path.string(), [&] {
    if (!world.is_root()) return;
    if (path.has_parent_path()) make_directories(path.parent_path());
    remove_stale_parts(path);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    make_directories(folder);
  });
  make_skeleton(world, folder / kFile, info, table, events);
  world.agree("creating " + path.string(), [&] {
    if (world.is_root()) WrittenMarks::create(folder / kMarks, table.size());
  });
  world.agree("creating " + path.string(), [&] { w.open(); });
  w.was_written.assign(w.table.size(), 0);
}

std::unique_ptr<EventFileWriter> EventFileWriter::go_on(comm::World& world, const fs::path& path, const std::string& settings) {
  const fs::path folder = world.broadcast(part_file(path).string());
  bool fit = false;
  world.agree("looking for what is left of " + path.string(), [&] {
    if (!world.is_root() || !fs::exists(path.parent_path())) return;
    adopt_part(path);
    if (!fs::exists(folder)) return;
    try {
      EventFileReader(folder / kFile).expect_settings(settings);
      fit = WrittenMarks::fits(folder / kMarks, EventFileReader(folder / kFile).recordings().size());
    } catch (const DataError& error) {
      log::debug(cat("nothing to go on from: ", error.what()));
    }
    if (!fit) fs::remove_all(folder);
  });
  if (world.broadcast(fit ? "yes" : "no") != "yes") return nullptr;

  auto impl = std::make_unique<Impl>(world, path, folder);
  Impl& w = *impl;
  std::vector<std::byte> good;
  std::uint64_t events = 0;
  world.agree("reading back what is left of " + path.string(), [&] {
    w.open();
    const EventFileReader reader(w.folder / kFile);
    const auto share = comm::share_of(w.table.size(), world.rank(), world.size());
    events::Recording recording;
    for (std::uint64_t i = share.first; i < share.first + share.count; ++i) {
      bool same = false;
      if (w.marks->get(i) != 0) {
        reader.read(i, recording);
        same = mark_of(recording.events) == w.marks->get(i);
      }
      good.push_back(std::byte{same});
      if (same) ++w.written, events += w.table[i].events;
    }
  });
  const auto all = world.gather_bytes(good);
  for (const std::byte flag : all) w.was_written.push_back(static_cast<std::uint8_t>(flag));
  const auto recordings = world.offset(w.written).total;
  log::info(cat("going on with what a job that ended left of ", path.string(), ": ", with_commas(recordings), " of ",
                with_commas(w.table.size()), " recordings, ", with_commas(world.offset(events).total), " events are there"));
  return std::unique_ptr<EventFileWriter>(new EventFileWriter(std::move(impl)));
}

EventFileWriter::~EventFileWriter() = default;
const EventFileInfo& EventFileWriter::info() const { return impl_->info; }
const std::vector<RecordingInfo>& EventFileWriter::recordings() const { return impl_->table; }
std::uint64_t EventFileWriter::events() const { return impl_->events; }
bool EventFileWriter::was_written(std::size_t i) const { return impl_->was_written.at(i) != 0; }

void EventFileWriter::write(std::size_t i, const events::Events& e) {
  Impl& w = *impl_;
  const RecordingInfo& row = w.table.at(i);
  if (e.x.size() != e.size() || e.y.size() != e.size() || e.p.size() != e.size()) {
    throw DataError(cat(row.source, ": columns of ", e.x.size(), ", ", e.y.size(), ", ", e.size(), " and ", e.p.size(),
                        " events (x, y, t, p)"));
  }
  if (e.size() != row.events) {
    throw DataError(cat(row.source, " has ", with_commas(e.size()), " events, ", with_commas(row.events),
                        " when it was read before: it changes while it is prepared"));
  }
  w.put(e.x, w.x_at, row.first_event);
  w.put(e.y, w.y_at, row.first_event);
  w.put(e.t, w.t_at, row.first_event);
  w.put(e.p, w.p_at, row.first_event);
  w.marks->set(i, mark_of(e));
  ++w.written;
}

void EventFileWriter::leave() { impl_->over = true; }

void EventFileWriter::finish() {
  Impl& w = *impl_;
  const std::string what = "finishing " + w.path.string();
  const auto written = w.world.offset(w.written).total;
  w.world.agree(what, [&] {
    if (written != w.table.size())
      throw StorageError(cat(w.path.string(), ": ", written, " recordings were written, ", w.table.size(), " expected"));
    sync_path(w.folder / kFile);
  });
  w.world.agree(what, [&] {
    if (!w.world.is_root()) return;
    rename_durably(w.folder / kFile, w.path);
    std::error_code ignored;
    fs::remove_all(w.folder, ignored);
  });
  w.over = true;
}

}  // namespace dltonic::store
