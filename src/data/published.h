/// What is published of data sets: checksums of archives, numbers of recordings, and where they are to be had. docs/datasets.md
/// shows the same to people.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace dltonic::data {

struct PublishedArchive {
  std::string name, md5, what;
  std::string page = "";  ///< where it is to be had, if not from the set's page
};

/// Numbers of recordings that one form of a data set has.
struct PublishedCounts {
  std::string form;                              ///< "the original", "Tonic's repack"
  std::uint64_t train = 0, test = 0, none = 0;   ///< without a published split
  std::vector<std::uint64_t> train_of, test_of;  ///< [class]; empty: not published
  std::vector<std::uint64_t> none_of;
};

struct PublishedSet {
  std::string layout, title, page;  ///< page: where the set is described and to be had
  std::vector<PublishedArchive> archives;
  std::vector<PublishedCounts> counts;  ///< one of them must fit
};

/// Null for a layout that is no published data set.
const PublishedSet* published_set(const std::string& layout);

}  // namespace dltonic::data
