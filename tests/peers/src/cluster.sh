#!/bin/sh
# Run by cluster.rs as the first thing inside new namespaces: $1 is the directory of the built agents, $2 the
# project's folder. Afterwards this machine looks freshly installed with our agents, and nothing that happens here
# is seen outside.
set -eu
ip link set lo up
hostname alpha
for dir in /run /dev/shm /var/lib/pacemaker /var/lib/corosync /var/log /etc/corosync; do
    mkdir -p "$dir"
    mount -t tmpfs -o mode=755 tmpfs "$dir"
done
chmod 1777 /dev/shm

# Whatever agents Debian's packages have put there are out of sight.
mkdir -p /run/agents/upper /run/agents/work /run/lock /run/tmp /run/user
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/agents/upper,workdir=/run/agents/work overlay /usr/sbin
find /usr/sbin -maxdepth 1 -name 'fence_*' -exec rm -f {} +
"$2"/scripts/links.sh programs | while read -r program; do
    # Copies: the checkout may lie where the user hacluster may not look.
    install -m 755 "$1/$program" /usr/sbin
done
"$2"/scripts/links.sh agents /usr/sbin

for dir in /var/lib/pacemaker/cib /var/lib/pacemaker/pengine /var/lib/pacemaker/cores \
    /var/lib/pacemaker/blackbox /var/log/pacemaker /run/crm; do
    install -d -m 750 -o hacluster -g haclient "$dir"
done
mkdir -p /var/log/corosync /var/log/crmsh /run/resource-agents
cat >/etc/corosync/corosync.conf <<END
totem {
    version: 2
    cluster_name: peers
    transport: udpu
    token: 3000
    crypto_cipher: none
    crypto_hash: none
}
nodelist {
    node {
        ring0_addr: 127.0.0.1
        name: alpha
        nodeid: 1
    }
}
quorum {
    provider: corosync_votequorum
}
system {
    sched_rr: no
}
logging {
    to_syslog: no
    to_stderr: no
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
}
END
