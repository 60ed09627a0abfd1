#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the guest that is our RDMA peer: Debian's kernel, its siw (built from Debian's own kernel source, because Debian's kernel has it
# off) and a small root file system with rping. Prints the folder with vmlinux and initrd.gz, and nothing else, to stdout.
#   usage: build.sh [CACHE]      CACHE: $XDG_CACHE_HOME/ndisbox/rdma-vm, or ~/.cache/ndisbox/rdma-vm
# What was built stays in the cache (about 75 MB) until the kernel's package, a package in the guest or a file here changes. Needs no
# rights. Exit: 3 when the machine lacks a package or cannot fetch one; stderr says which.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ndisbox/rdma-vm}
lib=/usr/lib/x86_64-linux-gnu
log() { echo "rdma-vm: $*" >&2; }
lack() { log "$*"; exit 3; }

[ "$(uname -m)" = x86_64 ] || lack "the guest is built on x86-64 only"
for need in apt-get dpkg-deb gcc-12 make xz cpio depmod modprobe busybox rping rdma ldd flock; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$need" >/dev/null || lack "$need is missing: ./dev installs it"
done
PATH=$PATH:/usr/sbin:/sbin
[ -f /usr/include/rdma/rdma_cma.h ] || lack "librdmacm-dev is missing: ./dev installs it"
ls "$lib"/libibverbs/libsiw-rdmav*.so >/dev/null 2>&1 || lack "ibverbs-providers is missing: ./dev installs it"
image=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-6/ && !seen++ {print $2}') || image=
[ -n "$image" ] || lack "apt knows no linux-image-amd64 (apt-get update)"
version=${image#linux-image-} # 6.1.0-56-amd64
base=linux-source-${version%.*}

dpkg-query -W busybox-static rdmacm-utils librdmacm1 ibverbs-providers >/dev/null 2>&1 || lack "busybox-static or rdmacm-utils is missing: ./dev installs it"
key=$( (echo "$version"; cat "$here/build.sh" "$here/init" "$here/reject.c" | sha256sum; dpkg-query -W busybox-static rdmacm-utils librdmacm1 ibverbs-providers) |
    sha256sum | cut -c1-16)
mkdir -p "$cache"
exec 9>"$cache/lock"
flock -w 600 9 || lack "another build holds $cache/lock"
done=$cache/$key
[ -f "$done/initrd.gz" ] && { echo "$done"; exit 0; }
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch() { # PACKAGE...: into $work/deb, three tries
    mkdir -p "$work/deb"
    for try in 1 2 3; do
        (cd "$work/deb" && timeout 300 apt-get -q -o Acquire::http::Timeout=20 download "$@" >"$work/apt.log" 2>&1) && return
        sleep "$try"
    done
    log "$(tail -n 2 "$work/apt.log")"
    lack "could not fetch $*"
}
unpack() { for package in "$@"; do dpkg-deb -x "$work/deb/${package}_"*.deb "$work/root"; done; }

# ---- the kernel, and siw beside it. Its few compile-time choices become module parameters: each guest can be another peer.
kernel() {
    log "fetching $image, its headers and $base (240 MB)"
    local headers=linux-headers-$version common=linux-headers-${version%-amd64}-common kbuild=linux-kbuild-${version%.*}
    fetch "$image" "$headers" "$common" "$kbuild" "$base"
    unpack "$image" "$headers" "$common" "$kbuild"
    local tree=$work/root/usr/src/$headers siw=$work/$base/drivers/infiniband/sw/siw
    sed -i "s#[^ ]*/usr/src/linux-headers#$work/root/usr/src/linux-headers#" "$tree/Makefile"
    dpkg-deb --fsys-tarfile "$work/deb/${base}_"*.deb | tar -xO "./usr/src/$base.tar.xz" | xz -dc -T2 |
        tar -x -C "$work" "$base/drivers/infiniband/sw/siw"
    for name in mpa_crc_required mpa_crc_strict peer_to_peer try_gso; do
        sed -i -E "s/^(extern )?const bool $name;/\1bool $name;/" "$siw/siw.h" "$siw/siw_main.c"
        echo "module_param($name, bool, 0444);" >>"$siw/siw_main.c"
    done
    make -s -C "$tree" M="$siw" CONFIG_RDMA_SIW=m CC=gcc-12 modules >"$work/make.log" 2>&1 || { tail -n 20 "$work/make.log" >&2; exit 1; }
    modules=$work/root/lib/modules/$version
    mkdir -p "$modules/extra"
    cp "$siw/siw.ko" "$modules/extra/"
    depmod -b "$work/root" "$version"
    # An uncompressed kernel starts two seconds sooner: QEMU maps it, where the compressed one would be unpacked by emulated code.
    python3 - "$work/root/boot/vmlinuz-$version" "$work/out/vmlinux" <<'END'
import lzma, sys
data = open(sys.argv[1], "rb").read()
image = lzma.LZMADecompressor().decompress(data[data.index(b"\xfd7zXZ\0"):])
assert image[:4] == b"\x7fELF", "the kernel is no ELF file"
open(sys.argv[2], "wb").write(image)
END
}

# ---- the root file system: busybox, rping and its libraries, the modules in the order in which they are loaded
with_libraries() { # FILE TO
    cp -L "$1" "$2"
    ldd "$1" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$guest$(dirname "$library")"
        cp -Lu "$library" "$guest$library"
    done
}
root() {
    guest=$work/guest
    mkdir -p "$guest"/{bin,dev,etc/libibverbs.d,proc,sys,tmp,modules} "$guest$lib/libibverbs" "$guest/usr/lib"
    cp "$(command -v busybox)" "$guest/bin/busybox"
    "$guest/bin/busybox" --list | while read -r name; do [ "$name" = busybox ] || ln -sf busybox "$guest/bin/$name"; done
    for program in rping rdma; do with_libraries "$(command -v $program)" "$guest/bin/"; done
    for library in "$lib"/libibverbs/libsiw-rdmav*.so; do with_libraries "$library" "$guest$lib/libibverbs/"; done
    cp -L "$lib/libgcc_s.so.1" "$guest$lib/" # pthread_exit opens it by name
    cp /etc/libibverbs.d/siw.driver "$guest/etc/libibverbs.d/"
    gcc-12 -O2 -Wall -o "$work/reject" "$here/reject.c" -lrdmacm -libverbs
    with_libraries "$work/reject" "$guest/bin/"
    local names="virtio_pci virtio_net virtio_rng crc32c_generic crc32c_intel ib_uverbs rdma_ucm siw"
    modprobe -d "$work/root" -S "$version" --show-depends -a $names | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$work/modules"
    while read -r module; do
        cp "$module" "$guest/modules/"
        strip --strip-debug "$guest/modules/$(basename "$module")" 2>/dev/null || true
        basename "$module" >>"$guest/modules/order"
    done <"$work/modules"
    install -m755 "$here/init" "$guest/init"
    (cd "$guest" && find . | LC_ALL=C sort | cpio -o -H newc --quiet | gzip -1) >"$work/out/initrd.gz"
}

mkdir -p "$work/out"
kernel
root
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf {} + # another tree may be using a newer one
mv "$work/out" "$done"
echo "$done"
