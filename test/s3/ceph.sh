#!/usr/bin/env bash
# Starts Ceph's S3 gateway with one monitor and one OSD in DIR, on 127.0.0.1:PORT; again on the same DIR, it starts what is not running.
# Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd
# Usage: ceph.sh DIR PORT
set -euo pipefail
dir=$1 port=$2
export CEPH_CONF=$dir/ceph.conf LC_ALL=C

runs() { [ -f "$dir/$1.pid" ] && kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; }

if [ ! -f "$dir/made" ]; then
  mkdir -p "$dir"/{mon,osd,rgw,crash}
  fsid=$(cat /proc/sys/kernel/random/uuid)
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$((port + 1))
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
keyring = $dir/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_osd_prime_pg_temp = false
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
run_dir = $dir
admin_socket = $dir/\$name.asok
pid_file = $dir/\$name.pid
log_file = $dir/\$name.log
crash_dir = $dir/crash
[mon.a]
mon_data = $dir/mon
mon_data_avail_crit = 1
[osd.0]
osd_data = $dir/osd
bluestore_block_size = 8589934592
bluestore_block_wal_size = 0
osd_memory_target = 939524096
[client.rgw.a]
rgw_data = $dir/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_thread_pool_size = 64
CONF
  monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$((port + 1))]" "$dir/monmap" >/dev/null 2>&1
  ceph-authtool "$dir/keyring" -C --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >/dev/null
  ceph-authtool "$dir/keyring" --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx' >/dev/null
  ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" >/dev/null 2>&1
fi
runs mon.a || ceph-mon -i a >/dev/null 2>&1
if [ ! -f "$dir/made" ]; then
  uuid=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$uuid" >/dev/null 2>&1
  ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >/dev/null 2>&1
fi
runs osd.0 || ceph-osd -i 0 >/dev/null 2>&1
if [ ! -f "$dir/made" ]; then
  until ceph osd stat 2>/dev/null | grep -q '1 up'; do sleep 0.1; done
  radosgw-admin user create --uid=owner --display-name=owner --access-key=ownerkey --secret-key=ownersecret0123456789 >/dev/null 2>&1
  radosgw-admin user create --uid=guest --display-name=guest --access-key=guestkey --secret-key=guestsecret0123456789 >/dev/null 2>&1
fi
runs client.rgw.a || radosgw -n client.rgw.a >/dev/null 2>&1
until (echo >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
touch "$dir/made"
