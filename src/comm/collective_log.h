/// The last collectives of this rank, as a text file that is memory: each line is written in place, so the file is right
/// whatever ends the process, and costs no system call.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

namespace dltonic::comm {

class CollectiveLog {
 public:
  static constexpr int kKept = 100;

  /// Makes the file anew. StorageError.
  CollectiveLog(std::filesystem::path path, int rank, const std::string& host);
  ~CollectiveLog();  ///< the file stays; see remove()
  CollectiveLog(const CollectiveLog&) = delete;
  CollectiveLog& operator=(const CollectiveLog&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// A collective begins, and ends. From any thread.
  std::uint64_t enter(const std::string& name, std::int64_t step);
  void leave(std::uint64_t number);
  void freeze() { frozen_ = true; }  ///< the job is ended: what is there stays, whatever other threads still do
  void remove();                     ///< the job ended in good order

 private:
  char* line(std::uint64_t number) const;

  std::filesystem::path path_;
  std::mutex mutex_;
  std::atomic<bool> frozen_{false};
  std::uint64_t next_ = 1;
  char* text_ = nullptr;
};

}  // namespace dltonic::comm
