#!/usr/bin/env bash
# Two network namespaces with a cable between them stand for two machines: two ranks give the weights that one process gives, and
# when the cable is cut both end. Needs root and ip. Usage: two_hosts.sh BINARY SOURCE_DIRECTORY
ip netns add reaugkd-probe-$$ 2>/dev/null && ip netns delete reaugkd-probe-$$ || {
  echo "SKIP: no network namespaces (they need root and iproute2)"
  exit 77
}
source "$(dirname "$0")/expect.sh" "$@"
one=reaugkd-one-$$ two=reaugkd-two-$$
trap 'ip netns delete $one; ip netns delete $two; rm -rf "$work"' EXIT
ip netns add $one && ip netns add $two || exit 1
ip link add veth1 netns $one type veth peer name veth2 netns $two || exit 1
for side in 1:$one 2:$two; do
  ip -n "${side#*:}" addr add 10.77.0.${side%:*}/24 dev veth${side%:*}
  ip -n "${side#*:}" link set veth${side%:*} up
  ip -n "${side#*:}" link set lo up
done

export OMP_NUM_THREADS=1 WORLD_SIZE=2 MASTER_ADDR=10.77.0.1 MASTER_PORT=29400
train="teacher-finetune --model $demo/teacher --task sst2 --data $demo --max-train-examples 180 --max-seq-length 48
  --init random --precision fp32 --quiet --rank-timeout 10"
on() { # SIDE COMMAND...: rank 0 or 1, each with a folder of its own for what it writes
  local side=$1 namespace=$one
  shift
  [ "$side" = 1 ] && namespace=$two
  mkdir -p "$work/host-$side"
  RANK=$side GLOO_SOCKET_IFNAME=veth$((side + 1)) TMPDIR=$work/host-$side ip netns exec $namespace "$@"
}
on 1 "$reaugkd" $train --epochs 2 --output "$work/ranks" >"$work/out1" 2>&1 &
on 0 "$reaugkd" $train --epochs 2 --output "$work/ranks" >"$work/out0" 2>&1 || fail "rank 0: $(cat "$work/out0")"
wait $! || fail "rank 1: $(cat "$work/out1")"
OMP_NUM_THREADS=2 ok "best at epoch" env -u WORLD_SIZE "$reaugkd" $train --epochs 2 --output "$work/alone"
cmp "$work/alone/model.safetensors" "$work/ranks/model.safetensors" || fail "two hosts train other weights than one process"

# The cable is cut.
on 1 "$reaugkd" $train --epochs 2000 --output "$work/cut" >"$work/out1" 2>&1 &
far=$!
on 0 "$reaugkd" $train --epochs 2000 --output "$work/cut" >"$work/out0" 2>&1 &
near=$!
for _ in $(seq 100); do
  grep -q '"step":' "$work/cut/train_log.jsonl" 2>/dev/null && break
  sleep 0.1
done
ip -n $one link set veth1 down
for process in $near $far; do
  wait $process
  code=$?
  [ $code = 7 ] || fail "a cut cable: exit code $code, $(cat "$work/out0" "$work/out1")"
done
grep -q "rank 1" "$work/out0" || fail "rank 0 does not name rank 1: $(cat "$work/out0")"

passed "two hosts"
