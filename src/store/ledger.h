/// What was copied into a folder, and how it looked when it had been verified: one hidden file a folder,
/// `.dltonic-copies.jsonl`, one JSON object a line, appended; for equal names the last line counts. A line that got lost or
/// was cut off costs a second look at the content, nothing more: so writing never fails, and no lock is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace dltonic::store {

constexpr const char* kLedgerFile = ".dltonic-copies.jsonl";

/// Size and time of last change, as stat(2) gives them.
struct Stamp {
  std::uint64_t bytes = 0;
  std::int64_t mtime_ns = 0;
  bool operator==(const Stamp&) const = default;
};
/// Of a regular file (symbolic links are followed); nothing where there is none.
std::optional<Stamp> stamp_of(const std::filesystem::path& file);

struct CopyRecord {
  Stamp source;  ///< its size is what was copied: a file that grows has a longer one by now
  Stamp copy;
  std::string checksum;
};

class Ledger {
 public:
  /// Reads what is there. Throws nothing.
  explicit Ledger(std::filesystem::path folder);
  const CopyRecord* find(const std::string& name) const;
  void record(const std::string& name, const CopyRecord& entry);

 private:
  void write_anew() const;

  std::filesystem::path folder_;
  std::map<std::string, CopyRecord> entries_;
  std::size_t lines_ = 0;
};

}  // namespace dltonic::store
