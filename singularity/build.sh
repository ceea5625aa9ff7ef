#!/usr/bin/env bash
# Builds the image of the committed source (HEAD) by Apptainer or Singularity, verifies it, and keeps the last few.
#
#   singularity/build.sh [--cuda] [--output FOLDER] [--keep K] [--again] [--jobs N]
#     --cuda     on a CUDA base, with the CUDA parts; without: Debian, CPU cores only
#     --output   where images go (default: ./images)
#     --keep     images of a kind that stay, the new one among them (default 3)
#     --again    builds also where a good image of this source is there
#     --jobs     compilers at once, of up to 1 GB each (default: as many as there are cores)
#
# An image is <output>/dltonic-<version>-<git hash>-<cpu|cuda>.sif, its checksum beside it (.sha256), and what it was made of (.key).
# dltonic-<cpu|cuda>.sif is a link to the newest. The path of the image is the last line of standard output. Downloads are kept in
# ${APPTAINER_CACHEDIR:-${DLTONIC_CACHE:-~/.cache/dltonic}/apptainer}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
kind=cpu output=images keep=3 again=no jobs='' scratch=''
say() { printf 'image: %s\n' "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}
cleanup() { [[ -z $scratch ]] || rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

while (($# > 0)); do
  case $1 in
    --cuda) kind=cuda ;;
    --again) again=yes ;;
    --output | --keep | --jobs)
      [[ -n ${2:-} ]] || fail "$1 needs a value"
      case $1 in --output) output=$2 ;; --keep) keep=$2 ;; --jobs) jobs=$2 ;; esac
      shift
      ;;
    -h | --help)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) fail "unknown option '$1'; known: --cuda, --output, --keep, --again, --jobs" ;;
  esac
  shift
done
[[ $keep =~ ^[1-9][0-9]*$ ]] || fail "--keep $keep: expected a number from 1"
[[ -z $jobs || $jobs =~ ^[1-9][0-9]*$ ]] || fail "--jobs $jobs: expected a number from 1"

runtime=''
for name in apptainer singularity; do [[ -n $runtime ]] || runtime=$(command -v "$name" || true); done
[[ -n $runtime ]] || fail "neither apptainer nor singularity is on PATH: load its module, or build where there is one"

arguments=("base=debian:12.8" "run_base=debian:12.8-slim" "run_packages=")
if [[ $kind == cuda ]]; then
  arguments=("base=nvidia/cuda:13.0.1-devel-ubuntu24.04" "run_base=nvidia/cuda:13.0.1-base-ubuntu24.04" "run_packages=libnccl2")
fi

git=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null) || fail "$root is no git checkout: an image is made of a commit"
[[ -z $(git -C "$root" status --porcelain --untracked-files=no) ]] || say "uncommitted changes are left out: the image is of $git"
version=$(git -C "$root" show HEAD:CMakeLists.txt | sed -nE 's/^project\(dltonic VERSION ([0-9.]+).*/\1/p')
mkdir -p "$output" || fail "cannot make $output"
output=$(cd "$output" && pwd)
name=dltonic-$version-$git-$kind
image=$output/$name.sif
# What the image depends on.
key=$({ git -C "$root" rev-parse 'HEAD^{tree}' && printf '%s\n' "${arguments[@]}"; } | sha256sum | cut -d ' ' -f 1)

exec {lock}>"$output/.lock"
flock "$lock" # two builds at once: the second finds the first one's image

is_good() { [[ -f $1 && -f $1.sha256 ]] && (cd "$output" && sha256sum --status --check "$1.sha256"); }
if [[ $again == no && $(cat "$image.key" 2>/dev/null) == "$key" ]]; then
  if is_good "$image"; then
    say "$name.sif is there already, and its checksum is right"
    touch "$image" # the youngest again
    ln -sfn "$name.sif" "$output/dltonic-$kind.sif"
    echo "$image"
    exit 0
  fi
  say "$name.sif is there, but its checksum is wrong: it is built again"
fi

scratch=$(mktemp -d "$output/.build.XXXXXX")
git -C "$root" archive --format=tar -o "$scratch/source.tar" HEAD
git -C "$root" show HEAD:singularity/dltonic.def >"$scratch/dltonic.def"
export APPTAINER_CACHEDIR=${APPTAINER_CACHEDIR:-${DLTONIC_CACHE:-$HOME/.cache/dltonic}/apptainer}
export SINGULARITY_CACHEDIR=$APPTAINER_CACHEDIR
mkdir -p "$APPTAINER_CACHEDIR"
options=()
for argument in "${arguments[@]}" "source=$scratch/source.tar" "version=$version" "git=$git" "jobs=$jobs"; do options+=(--build-arg "$argument"); done
say "building $name.sif by $runtime"
"$runtime" build "${options[@]}" "$scratch/$name.sif" "$scratch/dltonic.def" >&2 || fail "$runtime build failed; nothing is left of it"

# Verified before it gets its name: what it says it is, and its own %test.
labels=$("$runtime" inspect --labels "$scratch/$name.sif") || fail "$runtime inspect cannot read the new image"
for label in "org.opencontainers.image.version: $version" "org.opencontainers.image.revision: $git"; do
  grep -qF "$label" <<<"$labels" || fail "the new image lacks the label '$label'"
done
"$runtime" test "$scratch/$name.sif" >&2 || fail "the new image fails its own test (%test in singularity/dltonic.def)"

(cd "$scratch" && sha256sum "$name.sif" >"$name.sif.sha256")
echo "$key" >"$scratch/$name.sif.key"
rm -f "$image.key" # from here to the end no old key vouches for a new image
mv -f "$scratch/$name.sif" "$image"
mv -f "$scratch/$name.sif.sha256" "$image.sha256"
mv -f "$scratch/$name.sif.key" "$image.key"
ln -sfn "$name.sif" "$output/dltonic-$kind.sif"
is_good "$image" || fail "$image does not read back as it was written"

# Youngest first; the new one is the first of all.
mapfile -t images < <(find "$output" -maxdepth 1 -type f -name "dltonic-*-$kind.sif" -printf '%T@ %p\n' | sort -rn | cut -d ' ' -f 2-)
for old in "${images[@]:$keep}"; do
  [[ $old != "$image" ]] || continue
  say "dropping $(basename "$old"): --keep $keep"
  rm -f "$old" "$old.sha256" "$old.key"
done
say "$name.sif: $(du -h "$image" | cut -f 1)"
echo "$image"
