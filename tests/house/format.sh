#!/usr/bin/env bash
# All sources stand as clang-format would write them.   format.sh <clang-format 14>
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
mapfile -t sources < <(find src include tests benchmarks -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | sort)
if ! faults=$("$1" --dry-run -Werror "${sources[@]}" 2>&1); then
  sed -nE 's/^([^ :]+):[0-9].*code should be clang-formatted.*/\1/p' <<<"$faults" | sort | uniq -c
  echo "these lines are not as clang-format 14 writes them: clang-format -i FILE"
  exit 1
fi
echo "${#sources[@]} files are well formatted"
