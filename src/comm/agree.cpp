#include <new>
#include <typeinfo>

#include "comm/world_impl.h"
#include "dltonic/comm/world.h"
#include "dltonic/core/error.h"
#include "dltonic/core/text.h"

namespace dltonic::comm {
namespace {

struct Failure {
  bool failed = false;
  std::string kind, message;
};

Failure run(const std::string& what, const std::function<void()>& work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return {true, error_kind(error), error.what()};
  } catch (const std::bad_alloc&) {
    return {true, "Error", what + ": out of memory"};
  } catch (const std::exception& error) {
    return {true, "Error", cat(what, ": ", error.what())};
  } catch (...) {
    return {true, "Error", what + ": an unknown exception"};
  }
}

}  // namespace

void World::agree(const std::string& what, const std::function<void()>& work) {
  const Failure mine = run(what, work);
  Impl& w = *impl_;
  const Operation operation(w, cat("the agreement on '", what, "'"));

  // One round where all is well: the lowest failing rank, `size` for none.
  const int candidate = mine.failed ? w.rank : w.size;
  int first = 0;
  check_mpi(MPI_Allreduce(&candidate, &first, 1, MPI_INT, MPI_MIN, w.comm), "MPI_Allreduce");
  if (first == w.size) return;

  const int one = mine.failed ? 1 : 0;
  int failed = 0;
  check_mpi(MPI_Allreduce(&one, &failed, 1, MPI_INT, MPI_SUM, w.comm), "MPI_Allreduce");
  std::string text = mine.kind + '\n' + mine.message;
  std::uint64_t length = text.size();
  check_mpi(MPI_Bcast(&length, 1, MPI_UINT64_T, first, w.comm), "MPI_Bcast");
  text.resize(length);
  broadcast_bytes(w, std::as_writable_bytes(std::span(text)), first);

  const std::size_t end_of_kind = text.find('\n');
  const std::string kind = text.substr(0, end_of_kind), message = text.substr(end_of_kind + 1);
  if (w.size == 1) throw_error(kind, message, true);
  if (failed == w.size) throw_error(kind, cat("all ", failed, " ranks: ", message), true);
  throw_error(kind, cat("rank ", first, failed > 1 ? cat(" and ", failed - 1, " more") : "", " of ", w.size, ": ", message),
              true);
}

}  // namespace dltonic::comm
