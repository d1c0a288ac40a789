# Sourced by checks that run under a real systemd; needs.sh comes first.

# boot_container MEGABYTES SECONDS SCRIPT: boots systemd as PID 1 of its own container and runs SCRIPT in it, a path under
# /opt/candlewick. Namespaces by unshare(1), this machine's root folder read-only below an overlay in memory, no network
# but loopback. The caller's function `fill` puts files into the folder $1, which is /opt/candlewick in there; it sees the
# variables that `container_variables` names. Sets `log`, the file with SCRIPT's output, and `boot_log`. The caller calls
# clean_container at its end, which removes both. Changes nothing on this machine.
work=
container=
hierarchies=()
boot_container() {
    local size=$1 limit=$2 folder code=0
    container_script=$3
    [ "$(id -u)" -eq 0 ] || skip "it needs root"
    [ -x /lib/systemd/systemd ] || skip "systemd is not installed"
    work=$(mktemp -d)
    mount -t tmpfs -o "size=${size}m,mode=755" tmpfs "$work" 2>/dev/null || skip "a tmpfs cannot be mounted"
    mkdir "$work/upper" "$work/overlay" "$work/root"
    # A cgroup of its own, so that this systemd sees and moves only its own processes.
    for folder in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [ -e "$folder/cgroup.procs" ] || continue
        mkdir "$folder/candlewick-$$" 2>/dev/null || skip "no cgroup can be made in $folder"
        hierarchies+=("$folder/candlewick-$$")
    done
    [ ${#hierarchies[@]} -gt 0 ] || skip "there are no cgroups"
    namespaces=(unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup --propagation private)
    overlay=(mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/overlay" "$work/root")
    "${namespaces[@]}" "${overlay[@]}" 2>/dev/null || skip "namespaces or an overlay are refused"
    boot_log="$work/boot.log"
    log="$work/upper/check.log"
    {
        for folder in "${hierarchies[@]}"; do echo "$BASHPID" >"$folder/cgroup.procs"; done
        # What the shell in there needs is handed over as text.
        exec timeout -k 1 "$limit" "${namespaces[@]}" bash -ec "$(container_words "$limit"); enter_container"
    } >"$boot_log" 2>&1 </dev/null &
    container=$!
    wait "$container" || code=$?
    container=
    if [ ! -s "$log" ]; then
        sed 's/^/    /' "$boot_log" | tail -n 20
        skip "it does not boot here (exit code $code)"
    fi
    # What was cut short by the time limit has no closing line.
    tail -n 1 "$log" | grep -qxE '[0-9]+ passed, [0-9]+ failed' || echo "FAIL not done in time (exit code $code)" >>"$log"
}

container_words() {
    local container_limit=$(($1 - 40))
    declare -p hierarchies overlay work container_script container_limit
    declare -p $container_variables
    declare -f fill enter_container mount_system
}

# Runs in the caller's shell, outside of the container's cgroups, which are empty once it has ended.
clean_container() {
    local folder tries
    [ -n "$work" ] || return 0
    [ -z "$container" ] || { kill "$container" && wait "$container"; } 2>/dev/null || true
    for folder in "${hierarchies[@]}"; do
        for tries in 1 2 3 4 5; do
            find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.2
        done
    done
    ! mountpoint -q "$work" || umount -l "$work"
    rmdir "$work"
}

enter_container() { # in the new namespaces
    local root=$work/root
    "${overlay[@]}"
    : >"$root/etc/machine-id"
    rm -rf "$root/opt/candlewick"
    mkdir -p "$root/opt/candlewick"
    fill "$root/opt/candlewick"
    cat >"$root/etc/systemd/system/check-candlewick.service" <<UNIT
[Unit]
After=basic.target
FailureAction=exit
SuccessAction=exit
[Service]
Type=oneshot
Environment="PATH=$PATH" HOME=/root CANDLEWICK_BIN=/opt/candlewick/bin
ExecStart=/opt/candlewick/$container_script
StandardOutput=append:/check.log
StandardError=inherit
TimeoutStartSec=$container_limit
UNIT
    mount_system "$root"
    # Not chroot(1): in there no user namespace can be made, which PrivateUsers= needs.
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    # As on a booted machine: what systemd mounts for a service, such as its credentials, must be seen by it.
    mount --make-rshared /
    exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=check-candlewick.service
}

mount_system() { # root: what a kernel gives
    local root=$1 device
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    if [ ${#hierarchies[@]} -gt 1 ] || [[ "${hierarchies[0]}" = */systemd/* ]]; then
        mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
        mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
        mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
    else
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    fi
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do cp -a "/dev/$device" "$root/dev/$device"; done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
}
