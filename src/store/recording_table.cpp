#include "store/recording_table.h"

#include "dltonic/core/text.h"

namespace dltonic::store {
namespace {

template <class T, class Field>
std::vector<T> column(const std::vector<RecordingInfo>& table, const Field& field) {
  std::vector<T> values;
  values.reserve(table.size());
  for (const RecordingInfo& row : table) values.push_back(static_cast<T>(field(row)));
  return values;
}

}  // namespace

void write_recordings(ParallelFile& file, const std::vector<RecordingInfo>& root_table, bool offsets) {
  const bool root = file.world().is_root();
  const auto rows = static_cast<hsize_t>(file.world().sum(root ? static_cast<std::int64_t>(root_table.size()) : 0));
  if (offsets) {
    auto starts = column<std::uint64_t>(root_table, [](const auto& r) { return r.first_event; });
    starts.push_back(root_table.empty() ? 0 : root_table.back().first_event + root_table.back().events);
    file.write_column("/recordings/offset", starts, rows + 1);
  }
  file.write_column("/recordings/label", column<std::uint16_t>(root_table, [](const auto& r) { return r.label; }), rows);
  file.write_column("/recordings/t_offset", column<std::int64_t>(root_table, [](const auto& r) { return r.t_offset; }), rows);
  file.write_column("/recordings/duration", column<std::uint32_t>(root_table, [](const auto& r) { return r.duration; }), rows);
  file.write_column("/recordings/width", column<std::uint16_t>(root_table, [](const auto& r) { return r.width; }), rows);
  file.write_column("/recordings/height", column<std::uint16_t>(root_table, [](const auto& r) { return r.height; }), rows);
  file.write_column("/recordings/split",
                    column<std::uint8_t>(root_table, [](const auto& r) { return static_cast<std::uint8_t>(r.split); }), rows);
  file.write_column("/recordings/subject", column<std::uint16_t>(root_table, [](const auto& r) { return r.subject; }), rows);
  std::vector<std::string> sources;
  for (const RecordingInfo& row : root_table) sources.push_back(row.source);
  file.write_strings("/recordings/source", sources);
}

std::vector<RecordingInfo> read_recordings(const h5::ReadFile& file, bool offsets) {
  const auto label = file.column<std::uint16_t>("/recordings/label");
  const auto t_offset = file.column<std::int64_t>("/recordings/t_offset");
  const auto duration = file.column<std::uint32_t>("/recordings/duration");
  const auto width = file.column<std::uint16_t>("/recordings/width");
  const auto height = file.column<std::uint16_t>("/recordings/height");
  const auto split = file.column<std::uint8_t>("/recordings/split");
  const auto subject = file.column<std::uint16_t>("/recordings/subject");
  const auto source = file.strings("/recordings/source");
  const std::size_t rows = label.size();
  for (const std::size_t length :
       {t_offset.size(), duration.size(), width.size(), height.size(), split.size(), subject.size(), source.size()}) {
    if (length != rows) file.damaged(cat("/recordings has columns of ", rows, " and of ", length, " rows"));
  }
  std::vector<std::uint64_t> offset;
  if (offsets) {
    offset = file.column<std::uint64_t>("/recordings/offset");
    if (offset.size() != rows + 1)
      file.damaged(cat("/recordings/offset has ", offset.size(), " rows, ", rows + 1, " expected"));
  }
  std::vector<RecordingInfo> table(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    RecordingInfo& row = table[i];
    if (offsets) {
      if (offset[i + 1] < offset[i]) file.damaged(cat("/recordings/offset runs backwards at ", i + 1));
      row.first_event = offset[i];
      row.events = offset[i + 1] - offset[i];
    }
    row.label = label[i];
    row.t_offset = t_offset[i];
    row.duration = duration[i];
    row.width = width[i];
    row.height = height[i];
    row.split = static_cast<events::Split>(split[i]);
    row.subject = subject[i];
    row.source = source[i];
  }
  return table;
}

}  // namespace dltonic::store
