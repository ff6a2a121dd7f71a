# Kernels of bullseye's source, packaged as Debian does it: one as it is, and one each with a fix taken out. The two have
# the versions of their time, since that is what is judged; their source is younger, which nothing else shows.
# The largest of what is not compiled stays in the archive.
tar -x --strip-components=1 --exclude='*/Documentation/*/*' --exclude='linux-source-*/drivers/gpu/drm/*/*.[ch]' \
  --exclude='linux-source-*/sound/*.[ch]' -f /usr/src/linux-source-*.tar.xz

# edited FILE SED: an expression that changes nothing is a fix that is not where it was.
edited() {
  cp "$1" "$1.whole"
  sed -i "$2" "$1"
  ! cmp -s "$1" "$1.whole"
}
whole() { mv "$1.whole" "$1" && touch "$1"; }

# package NAME VERSION DEPENDS: of what lies in /build/root, into the directory of its kernel.
package() {
  mkdir -p root/DEBIAN "/result/srv/kernels/$flavour"
  printf 'Package: %s\nSource: linux\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@lab.example>\nDescription: of the lab\n%s' \
    "$1" "$2" "${3:+Depends: $3
}" >root/DEBIAN/control
  dpkg-deb --build -Znone root "/result/srv/kernels/$flavour" >/dev/null
  rm -rf root
}

# kernel FLAVOUR VERSION ABI DATE: 5.10.84-1 of 5.10.0-10-amd64. The package that names the newest comes with it.
kernel() {
  flavour=$1
  version=$2 release=$3-amd64
  numbers=${3%-*}
  make -s -j"$(nproc)" VERSION="${numbers%%.*}" PATCHLEVEL="$(echo "$numbers" | cut -d . -f 2)" SUBLEVEL="${numbers##*.}" \
    EXTRAVERSION="-${release#*-}" KBUILD_BUILD_TIMESTAMP="Debian $version ($4)" KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab \
    bzImage
  install -D -m 644 arch/x86/boot/bzImage "root/boot/vmlinuz-$release"
  mkdir root/DEBIAN
  # Debian's own leave it to linux-base which of them is booted.
  printf '#!/bin/sh\nset -e\nln -sfn boot/vmlinuz-%s /vmlinuz\ncommand -v update-grub >/dev/null && update-grub || true\n' \
    "$release" >root/DEBIAN/postinst
  chmod 755 root/DEBIAN/postinst
  package "linux-image-$release" "$version"
  package linux-image-amd64 "$version" "linux-image-$release (= $version)"
}

make -s KCONFIG_ALLCONFIG=/recipe/config allnoconfig
kernel whole 5.10.92-2 5.10.0-11 2022-02-28

# Dirty Pipe, CVE-2022-0847: a slot of a pipe keeps the flags of what was in it before.
edited lib/iov_iter.c '/^\t*buf->flags = 0;$/d'
kernel dirty-pipe 5.10.84-1 5.10.0-10 2021-12-08
whole lib/iov_iter.c

# Dirty COW, CVE-2016-5195: once the page is copied, it is looked up as if it were to be read.
edited mm/gup.c 's/^\t\t\*flags |= FOLL_COW;$/\t\t*flags \&= ~FOLL_WRITE;/'
kernel dirty-cow 4.7.6-1 4.7.0-1 2016-10-07

for program in dirty-pipe dirty-cow; do
  gcc -O1 -static -pthread -o "/result/srv/kernels/$program/try" "/recipe/$program.c"
done
