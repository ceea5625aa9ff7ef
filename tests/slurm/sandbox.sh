#!/usr/bin/env bash
# A Slurm of its own for one command: munged, slurmctld and a slurmd a node, on this machine, gone with the command.
#
#   tests/slurm/sandbox.sh [-n NODES] [-c CPUS_A_NODE] -- COMMAND...
#
# Every node has a host name (n1, n2, ...) and a network of its own, and shares all files; COMMAND sees the cluster through
# SLURM_CONF. Needs root, slurm-wlm, munge and ip. All of it lives in private mount, network and pid namespaces: nothing
# outlives it, and several may run at once.
set -euo pipefail
nodes=2 cpus=2
while getopts n:c: option; do
  case $option in
    n) nodes=$OPTARG ;;
    c) cpus=$OPTARG ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[[ ${1:-} != -- ]] || shift
(($# > 0)) || { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0" >&2 && exit 2; }

if [[ -z ${DLTONIC_SANDBOX:-} ]]; then
  DLTONIC_SANDBOX=inside exec unshare --mount --net --pid --fork --kill-child=TERM --mount-proc "$0" -n "$nodes" -c "$cpus" -- "$@"
fi
unset DLTONIC_SANDBOX

box=$(mktemp -d "${TMPDIR:-/tmp}/dltonic-slurm.XXXXXX")
chmod 755 "$box"
mkdir "$box/state" "$box/log" "$box/run"
daemons=() command_pid=''
# shellcheck disable=SC2317 # a trap calls it
stop() {
  [[ -z $command_pid ]] || kill "$command_pid" 2>/dev/null || true
  kill "${daemons[@]}" 2>/dev/null || true
  for ((i = 0; i < 50; ++i)); do
    kill -0 "${daemons[@]}" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "${daemons[@]}" 2>/dev/null || true
  rm -rf "$box"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

# One bridge, a veth pair a node: hosts that are really apart.
ip link set lo up
ip link add sandbox type bridge
ip link set sandbox up
ip addr add 10.99.0.1/24 dev sandbox
controller=$(hostname -s)
{
  echo "127.0.0.1 localhost"
  echo "10.99.0.1 $controller"
  for ((i = 1; i <= nodes; ++i)); do echo "10.99.0.$((i + 1)) n$i"; done
} >"$box/hosts"
mount --bind "$box/hosts" /etc/hosts

(umask 077 && head -c 128 /dev/urandom >"$box/munge.key")
munged --foreground --force --key-file="$box/munge.key" --socket="$box/run/munge.sock" --pid-file="$box/run/munged.pid" \
  --log-file="$box/log/munged.log" --seed-file="$box/run/munged.seed" --num-threads=2 >"$box/log/munged.out" 2>&1 &
daemons+=($!)
for ((i = 0; i < 100; ++i)); do
  [[ ! -S $box/run/munge.sock ]] || break
  sleep 0.1
done

# cred_expire is also how long a job that was queued again waits (120 s where nothing is said).
memory=$(awk '/MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
cat >"$box/slurm.conf" <<TEXT
ClusterName=sandbox
SlurmctldHost=$controller(10.99.0.1)
SlurmctldPort=17000
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$box/run/munge.sock,cred_expire=5
StateSaveLocation=$box/state
SlurmdSpoolDir=$box/spool.%n
TmpFS=$box/tmp.%n
SlurmctldPidFile=$box/run/slurmctld.pid
SlurmdPidFile=$box/run/slurmd.%n.pid
SlurmctldLogFile=$box/log/slurmctld.log
SlurmdLogFile=$box/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
SlurmdTimeout=60
KillWait=10
MinJobAge=300
MailProg=/bin/true
SlurmdParameters=config_overrides
TEXT
list=''
for ((i = 1; i <= nodes; ++i)); do
  mkdir "$box/spool.n$i" "$box/tmp.n$i" # PMIx keeps a folder a job step in TmpFS: nodes that shared it would meet there
  echo "NodeName=n$i NodeHostname=n$i NodeAddr=10.99.0.$((i + 1)) Port=$((17000 + i)) CPUs=$cpus RealMemory=$memory State=UNKNOWN"
done >>"$box/slurm.conf"
for ((i = 1; i <= nodes; ++i)); do list+=${list:+,}n$i; done
echo "PartitionName=debug Nodes=$list Default=YES MaxTime=INFINITE State=UP" >>"$box/slurm.conf"
export SLURM_CONF=$box/slurm.conf

slurmctld -D -f "$SLURM_CONF" >"$box/log/slurmctld.out" 2>&1 &
daemons+=($!)
for ((i = 1; i <= nodes; ++i)); do
  unshare --uts --net sh -c "hostname n$i && ip link set lo up && touch '$box/run/n$i.network'
    until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
    ip addr add 10.99.0.$((i + 1))/24 dev eth0 && ip link set eth0 up
    exec slurmd -D -f '$SLURM_CONF' -N n$i" >"$box/log/slurmd.n$i.out" 2>&1 &
  pid=$!
  daemons+=("$pid")
  # The node says that its network is there: what /proc tells of a process in the midst of exec is not to be relied upon.
  for ((k = 0; k < 500; ++k)); do
    [[ ! -e $box/run/n$i.network ]] || break
    sleep 0.02
  done
  [[ -e $box/run/n$i.network ]] || { echo "node n$i has no network of its own after 10 s" >&2 && exit 1; }
  ip link add "v$i" type veth peer name eth0 netns "$pid"
  ip link set "v$i" master sandbox up
done
for ((i = 0; i < 300; ++i)); do
  [[ $(sinfo --noheader --Node --format=%T 2>/dev/null | grep -c '^idle$') != "$nodes" ]] || break
  sleep 0.1
done
if [[ $(sinfo --noheader --Node --format=%T | grep -c '^idle$') != "$nodes" ]]; then
  echo "the nodes did not come up within 30 s" >&2
  tail -n 20 "$box"/log/* >&2
  exit 1
fi

"$@" <&0 & # beside the script, so that a signal is acted on at once
command_pid=$!
code=0
wait "$command_pid" || code=$?
command_pid=''
exit "$code"
